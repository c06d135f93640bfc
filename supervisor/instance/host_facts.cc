#include "supervisor/instance/host_facts.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "supervisor/instance/private_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// Leaves room for /espalier/<8 digits>/services/<name of a socket>.
constexpr size_t kMaxRuntimeDir = 40;

std::string Variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

std::string HomeDirectory(uid_t uid) {
  std::string home = Variable("HOME");
  if (fs::path(home).is_absolute()) return home;
  const passwd* user = getpwuid(uid);
  return user == nullptr ? "/" : user->pw_dir;
}

// XDG says that relative paths are invalid and to be ignored.
std::string AbsoluteVariable(const char* name) {
  std::string value = Variable(name);
  return fs::path(value).is_absolute() ? value : "";
}

bool IsBelow(const std::string& path, const std::string& directory) {
  return path == directory || absl::StartsWith(path, directory + "/");
}

}  // namespace

std::string ShortHash(absl::string_view text) {
  // FNV-1a: absl::Hash differs from process to process.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return absl::StrFormat("%08x", static_cast<uint32_t>(hash ^ (hash >> 32)));
}

HostFacts HostFacts::Current() {
  std::error_code ignored;
  HostFacts host;
  host.uid = geteuid();
  host.executable = fs::read_symlink("/proc/self/exe", ignored).string();
  host.working_directory = AbsoluteVariable("BUILD_WORKING_DIRECTORY");
  if (host.working_directory.empty()) {
    host.working_directory = fs::current_path(ignored).string();
  }
  host.home = HomeDirectory(host.uid);
  host.xdg_state_home = AbsoluteVariable("XDG_STATE_HOME");
  host.xdg_cache_home = AbsoluteVariable("XDG_CACHE_HOME");
  host.xdg_runtime_dir = AbsoluteVariable("XDG_RUNTIME_DIR");
  host.test_tmpdir = AbsoluteVariable("TEST_TMPDIR");
  host.build_workspace_directory =
      AbsoluteVariable("BUILD_WORKSPACE_DIRECTORY");
  return host;
}

std::string HostFacts::StateRoot(const std::string& data_dir) const {
  if (!data_dir.empty()) {
    std::error_code failed;
    const fs::path path = fs::path(working_directory) / data_dir;
    const fs::path real = fs::weakly_canonical(path, failed);
    std::string root = (failed ? path.lexically_normal() : real).string();
    // "dir/" and "dir" are one place.
    while (root.size() > 1 && root.back() == '/') root.pop_back();
    return root;
  }
  const bool root_user = uid == 0;
  if (!test_tmpdir.empty()) {
    if (root_user && IsBelow(test_tmpdir, home)) {
      return absl::StrCat(tmp, "/espalier-test-", ShortHash(test_tmpdir));
    }
    return absl::StrCat(test_tmpdir, "/espalier");
  }
  std::string states = xdg_state_home;
  if (states.empty()) states = absl::StrCat(home, "/.local/state");
  if (root_user && IsBelow(states, home)) states = "/var/lib";
  return absl::StrCat(states, "/espalier/", CheckoutKey());
}

std::string HostFacts::CacheRoot(const std::string& data_dir) const {
  if (!data_dir.empty() || !test_tmpdir.empty())
    return absl::StrCat(StateRoot(data_dir), "/.cache");
  std::string caches = xdg_cache_home;
  if (caches.empty()) caches = absl::StrCat(home, "/.cache");
  if (uid == 0 && IsBelow(caches, home)) caches = "/var/cache";
  return absl::StrCat(caches, "/espalier");
}

std::string HostFacts::RuntimeRoot() const {
  if (uid != 0 && !xdg_runtime_dir.empty() &&
      xdg_runtime_dir.size() <= kMaxRuntimeDir &&
      IsPrivateDirectory(xdg_runtime_dir)) {
    return absl::StrCat(xdg_runtime_dir, "/espalier");
  }
  return absl::StrCat(tmp, "/espalier-", uid);
}

std::string HostFacts::CheckoutKey() const {
  const size_t execroot = executable.find("/execroot/");
  if (execroot != std::string::npos) {
    return ShortHash(executable.substr(0, execroot));
  }
  if (!build_workspace_directory.empty()) {
    return ShortHash(build_workspace_directory);
  }
  return ShortHash(fs::path(executable).parent_path().string());
}

}  // namespace espalier
