#include "supervisor/instance/instance_list.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <tuple>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/instance/instance_paths.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// Nobody has more; a directory that does is not ours.
constexpr size_t kMaxEntries = 10000;

std::vector<fs::path> Children(const fs::path& directory) {
  std::vector<fs::path> children;
  std::error_code failed;
  fs::directory_iterator next(directory, failed);
  while (!failed && next != fs::directory_iterator() &&
         children.size() < kMaxEntries) {
    std::error_code ignored;
    if (next->symlink_status(ignored).type() == fs::file_type::directory) {
      children.push_back(next->path());
    }
    next.increment(failed);
  }
  return children;
}

// All that there are; also those that do not run.
std::vector<fs::path> InstanceDirectories(const InstanceSelector& selector,
                                          const HostFacts& host) {
  std::vector<fs::path> directories;
  for (const fs::path& environment :
       Children(host.StateRoot(selector.data_dir))) {
    for (fs::path& instance : Children(environment)) {
      directories.push_back(std::move(instance));
    }
  }
  std::sort(directories.begin(), directories.end());
  return directories;
}

std::string Name(const LockHolder& holder) {
  if (holder.instance == InstancePaths::kDefaultInstance) {
    return absl::StrCat("`", holder.environment, "`");
  }
  return absl::StrCat("`", holder.environment, "` (instance `", holder.instance,
                      "`)");
}

std::string Names(const std::vector<LockHolder>& holders) {
  return absl::StrJoin(holders, ", ",
                       [](std::string* out, const LockHolder& holder) {
                         out->append(Name(holder));
                       });
}

bool Matches(const InstanceSelector& selector, const LockHolder& holder) {
  return (selector.environment.empty() ||
          selector.environment == holder.environment) &&
         (selector.instance.empty() || selector.instance == holder.instance);
}

std::string Sought(const InstanceSelector& selector) {
  std::string sought = "environment";
  if (!selector.environment.empty()) {
    absl::StrAppend(&sought, " `", selector.environment, "`");
  }
  if (!selector.instance.empty()) {
    absl::StrAppend(&sought, " with the instance name `", selector.instance,
                    "`");
  }
  return sought;
}

}  // namespace

std::vector<LockHolder> ListInstances(const InstanceSelector& selector,
                                      const HostFacts& host) {
  std::vector<LockHolder> found;
  for (const fs::path& instance : InstanceDirectories(selector, host)) {
    std::optional<LockHolder> holder =
        FindLockHolder((instance / "lock").string());
    if (holder.has_value() && holder->pid != 0 && Matches(selector, *holder)) {
      found.push_back(*std::move(holder));
    }
  }
  std::sort(found.begin(), found.end(),
            [](const LockHolder& a, const LockHolder& b) {
              return std::tie(a.environment, a.instance) <
                     std::tie(b.environment, b.instance);
            });
  return found;
}

absl::StatusOr<KnownInstance> FindKnownInstance(
    const InstanceSelector& selector, const HostFacts& host) {
  const std::vector<LockHolder> running = ListInstances(selector, host);
  if (!running.empty()) {
    const absl::StatusOr<LockHolder> one = FindInstance(selector, host);
    if (!one.ok()) return one.status();
    return KnownInstance{.environment = one->environment,
                         .instance = one->instance,
                         .state_directory = one->state_directory,
                         .holder = *one};
  }
  std::vector<LockHolder> known;
  for (const fs::path& instance : InstanceDirectories(selector, host)) {
    std::error_code ignored;
    if (!fs::exists(instance / "lock", ignored)) continue;
    LockHolder last{.environment = instance.parent_path().filename().string(),
                    .instance = instance.filename().string(),
                    .state_directory = instance.string()};
    if (Matches(selector, last)) known.push_back(std::move(last));
  }
  if (known.empty()) return FindInstance(selector, host).status();
  if (known.size() > 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        "none is running, and several environments have run: ", Names(known),
        "; say which one with --environment=NAME or "
        "--instance=NAME"));
  }
  return KnownInstance{.environment = known.front().environment,
                       .instance = known.front().instance,
                       .state_directory = known.front().state_directory};
}

absl::StatusOr<LockHolder> FindInstance(const InstanceSelector& selector,
                                        const HostFacts& host) {
  const std::vector<LockHolder> matching = ListInstances(selector, host);
  if (matching.size() == 1) return matching.front();
  if (matching.size() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat("several environments are running: ", Names(matching),
                     "; say which one with --environment=NAME or "
                     "--instance=NAME"));
  }
  const std::vector<LockHolder> running =
      ListInstances({.data_dir = selector.data_dir}, host);
  const std::string where =
      selector.data_dir.empty()
          ? "in this checkout"
          : absl::StrCat("with the data directory ", selector.data_dir);
  const std::string others =
      running.empty()
          ? absl::StrCat(
                "start it with: bazel run //environments:",
                selector.environment.empty() ? "NAME" : selector.environment)
          : absl::StrCat("running: ", Names(running));
  return absl::NotFoundError(absl::StrCat("no ", Sought(selector),
                                          " is running ", where, "; ", others));
}

}  // namespace espalier
