#include "supervisor/instance/instance_paths.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "supervisor/instance/private_directory.h"

namespace espalier {
namespace {

constexpr size_t kMaxName = 64;

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  bool good = !name.empty() && name.size() <= kMaxName && name.front() != '.' &&
              name.front() != '-';
  for (const char c : name) {
    good &= absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
  }
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "`", absl::CHexEscape(name.substr(0, kMaxName)),
      "` cannot be the name of an ", what, ": it takes 1 to ", kMaxName,
      " letters, digits, '_', '-' and '.', and begins "
      "with neither '.' nor '-'"));
}

// What the caller adds to the error: how to get out of it.
absl::Status Explain(const absl::Status& error) {
  return absl::Status(
      error.code(),
      absl::StrCat(error.message(),
                   "; put that right, or choose another place with "
                   "--data_dir=DIRECTORY"));
}

absl::Status MakeRuntimeDirectories(const InstancePaths& paths,
                                    const std::string& root, mode_t mode) {
  absl::Status made = MakePrivateDirectory(root, mode);
  if (made.ok()) made = MakePrivateDirectory(paths.runtime_directory(), mode);
  if (made.ok()) {
    made = MakePrivateDirectory(paths.runtime_directory() + "/control", 0700);
  }
  if (made.ok()) {
    made = MakePrivateDirectory(paths.service_sockets_directory(), mode);
  }
  return made;
}

}  // namespace

absl::StatusOr<InstancePaths> InstancePaths::Resolve(const Options& options,
                                                     const HostFacts& host) {
  absl::Status named = CheckName("environment", options.environment);
  if (named.ok()) named = CheckName("instance", options.instance);
  if (!named.ok()) return named;
  InstancePaths paths;
  paths.environment_ = options.environment;
  paths.instance_ = options.instance;
  paths.state_ = absl::StrCat(host.StateRoot(options.data_dir), "/",
                              options.environment, "/", options.instance);
  paths.cache_ = options.cache_dir.empty() ? host.CacheRoot(options.data_dir)
                                           : options.cache_dir;
  paths.runtime_ =
      absl::StrCat(host.RuntimeRoot(), "/", ShortHash(paths.state_));
  if (paths.control_socket().size() > kMaxSocketPath) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of the control socket is longer than ",
                     kMaxSocketPath, " characters: ", paths.control_socket()));
  }
  return paths;
}

absl::StatusOr<InstancePaths> InstancePaths::Create(const Options& options,
                                                    const HostFacts& host) {
  absl::StatusOr<InstancePaths> paths = Resolve(options, host);
  if (!paths.ok()) return paths;
  const mode_t mode = host.uid == 0 ? 0711 : 0700;
  const std::string& state = paths->state_;
  absl::Status made = MakeDirectories(host.StateRoot(options.data_dir), mode);
  const std::string above = std::filesystem::path(state).parent_path().string();
  if (made.ok()) made = MakePrivateDirectory(above, mode);
  if (made.ok()) made = MakePrivateDirectory(state, mode);
  if (made.ok()) made = MakePrivateDirectory(paths->logs_directory(), mode);
  if (made.ok()) made = MakePrivateDirectory(paths->data_directory(), mode);
  if (made.ok()) made = MakePrivateDirectory(paths->secrets_directory(), 0700);
  if (made.ok()) {
    made = MakeDirectories(
        std::filesystem::path(paths->cache_).parent_path().string(), mode);
  }
  if (made.ok()) made = MakePrivateDirectory(paths->cache_, mode);
  if (!made.ok()) return Explain(made);
  // An instance that ends at this moment may take the empty root away.
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    made = MakeRuntimeDirectories(*paths, host.RuntimeRoot(), mode);
    if (!absl::IsNotFound(made)) break;
  }
  if (!made.ok()) return made;
  return paths;
}

void InstancePaths::RemoveRuntimeDirectory() const {
  std::error_code ignored;
  std::filesystem::remove_all(runtime_, ignored);
  // Only if it is empty.
  rmdir(std::filesystem::path(runtime_).parent_path().c_str());
}

}  // namespace espalier
