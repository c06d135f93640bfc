// Looking at the processes of this machine through /proc, and signalling them
// without ever hitting the wrong one.
//
// Used by keeper and guard, and by the client for the case that both are gone.
#ifndef SUPERVISOR_KEEPER_PROGRAM_PROCESS_SCAN_H_
#define SUPERVISOR_KEEPER_PROGRAM_PROCESS_SCAN_H_

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/keeper/owned_fd.h"

namespace espalier::keeper {

// A process for good: a number alone may be somebody else's by now.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start_time = 0;  // In the kernel's clock ticks since boot.
  auto operator<=>(const ProcessIdentity&) const = default;
};

struct ProcessInfo {
  ProcessIdentity identity;
  pid_t parent = 0;
  pid_t session = 0;
  char state = '?';  // As in /proc/PID/stat.
  int threads = 0;
  // It runs no more and only waits to be reaped; it has no children. (Of one
  // whose leading thread has ended, 'Z' is said while others go on.)
  bool dead() const {
    return threads <= 1 && (state == 'Z' || state == 'X' || state == 'x');
  }
};

// Nothing if there is no such process.
std::optional<ProcessInfo> ReadProcess(pid_t pid);

// The content of /proc/PID/stat. Nothing if it is not one.
std::optional<ProcessInfo> ParseStat(pid_t pid, std::string_view stat);

// Every process in /proc, in the order of their numbers. Not one moment's
// picture: what is forked or ends meanwhile may be missing.
std::vector<ProcessInfo> ScanProcesses();

// Where the kernel lists the children, dead ones too, of a thread of the
// calling process; read from its beginning it is new each time. Not open if the
// kernel keeps no list (CONFIG_PROC_CHILDREN).
OwnedFd OpenChildrenOf(pid_t thread);

// The children, dead ones too, of a thread of the calling process, as the
// kernel lists them: every one that there is from the first moment of the call
// to its last, if none is reaped meanwhile. Empty if the kernel keeps no list
// (CONFIG_PROC_CHILDREN).
std::vector<pid_t> ChildrenOf(pid_t thread);

// For each of `processes` (ordered by number): which child of `root` it is or
// descends from; 0 if none.
std::vector<pid_t> BranchesOf(pid_t root,
                              const std::vector<ProcessInfo>& processes);

// The value of an environment variable as the process was started with it;
// nothing if there is none, or it may not be read.
std::optional<std::string> InitialEnvironmentValue(pid_t pid,
                                                   std::string_view name);

// A pidfd of exactly that process; none if it is gone.
OwnedFd OpenProcess(const ProcessIdentity& identity);

// False if that process is gone or may not be signalled.
bool SignalPidfd(int pidfd, int signal);
bool SignalProcess(const ProcessIdentity& identity, int signal);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_PROCESS_SCAN_H_
