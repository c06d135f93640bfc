#include "supervisor/keeper/program/guard.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/keeper/program/end_descendants.h"
#include "supervisor/keeper/program/inherited.h"

namespace espalier::keeper {
namespace {

// Services inherit what is ignored here, but not what is handled or blocked.
// The C library would not touch the two signals that it keeps for itself.
void ResetSignals() {
  constexpr int kSignals = 64;
  constexpr long kSignalSetBytes = 8;
  // All zero is the default, however this architecture orders the fields.
  const char defaults[sizeof(struct sigaction)] = {};
  for (int signal = 1; signal <= kSignals; ++signal) {
    syscall(SYS_rt_sigaction, signal, defaults, nullptr, kSignalSetBytes);
  }
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
}

[[noreturn]] void WaitAsGuard(pid_t keeper) {
  for (int fd = 0; fd < kFirstFreeFd; ++fd) close(fd);
  siginfo_t info = {};
  // Before the keeper's end nothing else can become a child of the guard.
  while (waitid(P_PID, static_cast<id_t>(keeper), &info, WEXITED) != 0 &&
         errno == EINTR) {
  }
  EndAllDescendants();
  _exit(info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status);
}

}  // namespace

pid_t BecomeGuardAndForkKeeper() {
  setsid();
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_NAME, "espalier-guard");
  ResetSignals();
  umask(077);
  if (chdir("/") != 0) _exit(1);
  const pid_t guard = getpid();
  const pid_t keeper = fork();
  if (keeper < 0) _exit(1);
  if (keeper > 0) WaitAsGuard(keeper);
  return guard;
}

}  // namespace espalier::keeper
