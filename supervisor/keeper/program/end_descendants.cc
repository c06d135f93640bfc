#include "supervisor/keeper/program/end_descendants.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <set>
#include <string>

#include "supervisor/keeper/program/small_text.h"
#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {
namespace {

// If something outruns even these, what has been stopped is killed, and it
// starts again.
constexpr int kMaxStopRounds = 64;

// Stops what `select` picks from a scan until it picks nothing new.
template <typename Select>
std::vector<ProcessInfo> StopAll(Select select) {
  std::vector<ProcessInfo> stopped;
  std::set<ProcessIdentity> known;
  for (int round = 0; round < kMaxStopRounds; ++round) {
    bool found_new = false;
    for (const ProcessInfo& process : select(ScanProcesses())) {
      if (process.dead() || !known.insert(process.identity).second) continue;
      found_new = true;
      SignalProcess(process.identity, SIGSTOP);
      stopped.push_back(process);
    }
    if (!found_new) break;
  }
  return stopped;
}

std::vector<ProcessInfo> Descendants(std::vector<ProcessInfo> all) {
  const std::vector<pid_t> branches = BranchesOf(getpid(), all);
  size_t i = 0;
  std::erase_if(all, [&](const ProcessInfo&) { return branches[i++] == 0; });
  return all;
}

// False if there are no children, dead or alive.
bool ReapDead() {
  for (;;) {
    siginfo_t info = {};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL) != 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (info.si_pid == 0) return true;
  }
}

// By number, which is a child's own until it is reaped: for those that a scan
// does not show (mounted with hidepid, of which it tells nothing).
void KillChildren() {
  DIR* threads = opendir("/proc/self/task");
  if (threads == nullptr) return;
  while (const dirent* entry = readdir(threads)) {
    std::string_view name = entry->d_name;
    pid_t thread = 0;
    if (!TakeNumber(&name, &thread)) continue;
    for (const pid_t child : ChildrenOf(thread)) kill(child, SIGKILL);
  }
  closedir(threads);
}

// Until a child has ended or been let go by who traces it, or for a moment: a
// scan may have missed what lives. SIGCHLD is blocked here.
void AwaitChild() {
  constexpr timespec kMoment = {.tv_sec = 0, .tv_nsec = 50'000'000};
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigtimedwait(&child, nullptr, &kMoment);
}

}  // namespace

void EndAllDescendants() {
  while (ReapDead()) {
    const auto stopped = StopAll(Descendants);
    // Only dead ones, which somebody traces; or what no scan shows.
    if (stopped.empty()) {
      KillChildren();
      AwaitChild();
    }
    for (const ProcessInfo& process : stopped) {
      SignalProcess(process.identity, SIGKILL);
    }
    // Only when the children found are gone is it worth looking again: what
    // they left has become our own by then.
    for (const ProcessInfo& process : stopped) {
      if (process.parent != getpid()) continue;
      siginfo_t info = {};
      while (waitid(P_PID, static_cast<id_t>(process.identity.pid), &info,
                    WEXITED | __WALL) != 0 &&
             errno == EINTR) {
      }
    }
  }
}

std::vector<OwnedFd> KillMarked(std::string_view token) {
  const std::string prefix = std::string(token) + "/";
  const auto marked = [&](std::vector<ProcessInfo> all) {
    std::erase_if(all, [&](const ProcessInfo& process) {
      if (process.identity.pid == getpid()) return true;
      const auto marker =
          InitialEnvironmentValue(process.identity.pid, kMarkerVariable);
      return !marker.has_value() || !marker->starts_with(prefix);
    });
    return all;
  };
  std::vector<OwnedFd> killed;
  for (const ProcessInfo& process : StopAll(marked)) {
    OwnedFd pidfd = OpenProcess(process.identity);
    if (pidfd && SignalPidfd(pidfd.get(), SIGKILL)) {
      killed.push_back(std::move(pidfd));
    }
  }
  return killed;
}

}  // namespace espalier::keeper
