#include "supervisor/testing/standstill.h"

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "supervisor/keeper/program/own_cgroup.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// The cgroup of the process is frozen, and all in it.
bool IsFrozen(pid_t pid) {
  const std::optional<std::string> cgroup = keeper::OwnCgroupDirectory(
      keeper::ReadFile("/proc/self/mountinfo"),
      keeper::ReadFile(absl::StrCat("/proc/", pid, "/cgroup")));
  return cgroup.has_value() &&
         absl::StrContains(keeper::ReadFile(*cgroup + "/cgroup.events"),
                           "frozen 1");
}

// Stopped by a signal, or ended. `stat` is "PID (name) STATE …", where the name
// may contain anything.
bool IsStopped(absl::string_view stat) {
  const size_t state = stat.rfind(')') + 2;
  return state >= stat.size() ||
         absl::string_view("TZX").find(stat[state]) != absl::string_view::npos;
}

// What has been stopped has no more children after that.
bool TreeIsStopped(pid_t pid) {
  std::error_code ended;
  for (const fs::directory_entry& thread :
       fs::directory_iterator(absl::StrCat("/proc/", pid, "/task"), ended)) {
    if (!IsStopped(keeper::ReadFile(thread.path() / "stat"))) return false;
    std::ifstream children(thread.path() / "children");
    for (pid_t child = 0; children >> child;) {
      if (!TreeIsStopped(child)) return false;
    }
  }
  return true;
}

}  // namespace

void AwaitStandstill(pid_t pid) {
  while (!IsFrozen(pid) && !TreeIsStopped(pid)) std::this_thread::yield();
}

}  // namespace espalier
