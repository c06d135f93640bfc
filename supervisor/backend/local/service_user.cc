#include "supervisor/backend/local/service_user.h"

#include <pwd.h>
#include <unistd.h>

#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

// Whether `id` means anything in this process's user namespace, by
// /proc/self/uid_map or gid_map.
bool IsMapped(const char* map, uint64_t id) {
  std::ifstream lines(map);
  if (!lines) return true;  // no user namespaces in this kernel
  uint64_t inside, outside, count;
  while (lines >> inside >> outside >> count) {
    if (id >= inside && id - inside < count) return true;
  }
  return false;
}

bool SetgroupsIsDenied() {
  std::ifstream file("/proc/self/setgroups");
  std::string value;
  return file >> value && value == "deny";
}

}  // namespace

absl::StatusOr<std::optional<ServiceUser>> ServiceUser::ForServices(
    const std::string& name) {
  if (geteuid() != 0) return std::nullopt;
  passwd entry;
  passwd* found = nullptr;
  std::vector<char> buffer(16384);
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        "services are to run as the user '", name,
        "', since root runs the environment, but there is no such user"));
  }
  if (!IsMapped("/proc/self/uid_map", entry.pw_uid) ||
      !IsMapped("/proc/self/gid_map", entry.pw_gid) || SetgroupsIsDenied()) {
    return std::nullopt;
  }
  return ServiceUser{.uid = entry.pw_uid, .gid = entry.pw_gid, .name = name};
}

}  // namespace espalier
