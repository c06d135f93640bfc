#include "supervisor/keeper/program/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "supervisor/keeper/program/raw_syscall.h"

namespace espalier::keeper {
namespace {

constexpr int kFirstPassed = 3;
// The size of the kernel's signal set, not of the C library's.
constexpr long kSignalSetBytes = 8;

ESPALIER_RAW_CHILD void Tell(ChildPlan& plan, ChildProgress progress) {
  __atomic_store(&plan.progress, &progress, __ATOMIC_RELEASE);
}

[[noreturn]] ESPALIER_RAW_CHILD void Fail(ChildPlan& plan, SpawnStage stage,
                                          long result) {
  plan.failure.stage = stage;
  plan.failure.error = static_cast<int32_t>(-result);
  Tell(plan, ChildProgress::kFailed);
  for (;;) RawSyscall(SYS_exit_group, 127);
}

ESPALIER_RAW_CHILD inline void Check(ChildPlan& plan, SpawnStage stage,
                                     long result) {
  if (result < 0) Fail(plan, stage, result);
}

ESPALIER_RAW_CHILD void TakeOwnDescriptors(ChildPlan& plan) {
  if (!plan.shares_descriptors) return;
  Check(plan, SpawnStage::kDescriptors,
        RawSyscall(SYS_close_range, kFirstHighFd, ~0U, CLOSE_RANGE_UNSHARE));
}

// Opened here, and not passed on, it is in no other table: neither the keeper
// nor a child that is made meanwhile holds it open beyond the execution. So
// nobody has to be told when this child has its own table, which would cost it
// its processor for a moment.
ESPALIER_RAW_CHILD int OpenReport(ChildPlan& plan) {
  const long fd = RawSyscall(SYS_openat, AT_FDCWD, RawPointer(plan.report_path),
                             O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  Check(plan, SpawnStage::kPipe, fd);
  Tell(plan, ChildProgress::kPrepares);
  return static_cast<int>(fd);
}

ESPALIER_RAW_CHILD void MoveUp(ChildPlan& plan, int base, int* fd) {
  if (*fd >= base || *fd < 0) return;
  const long moved = RawSyscall(SYS_fcntl, *fd, F_DUPFD_CLOEXEC, base);
  Check(plan, SpawnStage::kDescriptors, moved);
  *fd = static_cast<int>(moved);
}

ESPALIER_RAW_CHILD void MoveTo(ChildPlan& plan, int number, int* fd) {
  if (*fd < 0) return;
  Check(plan, SpawnStage::kDescriptors,
        RawSyscall(SYS_dup3, *fd, number, O_CLOEXEC));
  *fd = number;
}

// Listeners from 3 on, the readiness descriptor behind them, then those that
// end with exec; all others are closed at once, since a program that hangs
// while it is executed must not hold what belongs to another child. First
// everything moves out of that range, so that nothing is overwritten before its
// turn.
ESPALIER_RAW_CHILD void PlaceDescriptors(ChildPlan& plan, int report_fd) {
  const int listeners = static_cast<int>(plan.listener_count);
  const int base = kFirstPassed + listeners + (plan.readiness_fd >= 0 ? 1 : 0);
  const int end = base + (plan.cgroup_fd >= 0 ? 2 : 1);
  MoveUp(plan, end, &report_fd);
  MoveUp(plan, end, &plan.readiness_fd);
  MoveUp(plan, end, &plan.cgroup_fd);
  for (int i = 0; i < listeners; ++i) MoveUp(plan, end, &plan.listeners[i]);
  for (int i = 0; i < listeners; ++i) {
    Check(plan, SpawnStage::kDescriptors,
          RawSyscall(SYS_dup3, plan.listeners[i], kFirstPassed + i, 0));
  }
  if (plan.readiness_fd >= 0) {
    Check(plan, SpawnStage::kDescriptors,
          RawSyscall(SYS_dup3, plan.readiness_fd, base - 1, 0));
  }
  MoveTo(plan, base, &report_fd);
  MoveTo(plan, base + 1, &plan.cgroup_fd);
  // ENOSYS before Linux 5.9 is no loss: all of the keeper's descriptors are
  // close-on-exec, and children do not share them.
  RawSyscall(SYS_close_range, end, ~0U, 0);
}

// Before that number is needed for something else.
ESPALIER_RAW_CHILD void TakeLogPipe(ChildPlan& plan) {
  if (plan.log_fd < 0) return;
  Check(plan, SpawnStage::kOpenLog, RawSyscall(SYS_dup3, plan.log_fd, 1, 0));
  Check(plan, SpawnStage::kOpenLog, RawSyscall(SYS_dup3, plan.log_fd, 2, 0));
}

ESPALIER_RAW_CHILD void OpenLog(ChildPlan& plan) {
  if (plan.log_path == nullptr) return;
  const long log =
      RawSyscall(SYS_openat, AT_FDCWD, RawPointer(plan.log_path),
                 O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
  Check(plan, SpawnStage::kOpenLog, log);
  Check(plan, SpawnStage::kOpenLog, RawSyscall(SYS_dup3, log, 1, 0));
  Check(plan, SpawnStage::kOpenLog, RawSyscall(SYS_dup3, log, 2, 0));
  RawSyscall(SYS_close, log);
}

ESPALIER_RAW_CHILD void SetLimits(ChildPlan& plan) {
  if (plan.cgroup_fd >= 0) {
    const long procs =
        RawSyscall(SYS_openat, plan.cgroup_fd, RawPointer("cgroup.procs"),
                   O_WRONLY | O_CLOEXEC, 0);
    Check(plan, SpawnStage::kCgroup, procs);
    Check(plan, SpawnStage::kCgroup,
          RawSyscall(SYS_write, procs, RawPointer("0"), 1));
  }
  for (size_t i = 0; i < plan.limit_count; ++i) {
    const ResourceLimit& limit = plan.limits[i];
    const uint64_t value[2] = {limit.soft, limit.hard};
    Check(plan, SpawnStage::kResourceLimit,
          RawSyscall(SYS_prlimit64, 0, limit.resource, RawPointer(value), 0));
  }
  if (plan.nice != nullptr) {
    Check(plan, SpawnStage::kNice,
          RawSyscall(SYS_setpriority, PRIO_PROCESS, 0, *plan.nice));
  }
  RawSyscall(SYS_umask, plan.umask);
}

ESPALIER_RAW_CHILD void BecomeUser(ChildPlan& plan) {
  if (plan.credentials == nullptr) return;
  const Credentials& user = *plan.credentials;
  Check(plan, SpawnStage::kUser,
        RawSyscall(SYS_setgroups, static_cast<long>(user.groups.size()),
                   RawPointer(user.groups.data())));
  Check(plan, SpawnStage::kUser,
        RawSyscall(SYS_setresgid, user.gid, user.gid, user.gid));
  Check(plan, SpawnStage::kUser,
        RawSyscall(SYS_setresuid, user.uid, user.uid, user.uid));
}

ESPALIER_RAW_CHILD void WriteListenPid(ChildPlan& plan) {
  if (plan.listen_pid == nullptr) return;
  char digits[12];
  int n = 0;
  for (long pid = RawSyscall(SYS_getpid); pid != 0; pid /= 10) {
    digits[n++] = static_cast<char>('0' + pid % 10);
  }
  char* out = plan.listen_pid;
  while (n > 0) *out++ = digits[--n];
  *out = '\0';
}

[[noreturn]] ESPALIER_RAW_CHILD void Execute(ChildPlan& plan, int program_fd) {
  const uint64_t no_signals = 0;
  RawSyscall(SYS_rt_sigprocmask, SIG_SETMASK, RawPointer(&no_signals), 0,
             kSignalSetBytes);
  const long by_path = RawSyscall(SYS_execve, RawPointer(plan.program),
                                  RawPointer(plan.argv), RawPointer(plan.envp));
  // The new user may not be allowed to reach the program's directory; the
  // descriptor was opened before the change of user and needs no path.
  if (by_path == -EACCES) {
    RawSyscall(SYS_execveat, program_fd, RawPointer(""), RawPointer(plan.argv),
               RawPointer(plan.envp), AT_EMPTY_PATH);
  }
  Fail(plan, SpawnStage::kExec, by_path);
}

}  // namespace

ESPALIER_RAW_CHILD int RunChild(void* argument) {
  ChildPlan& plan = *static_cast<ChildPlan*>(argument);
  TakeOwnDescriptors(plan);
  const int report_fd = OpenReport(plan);
  RawSyscall(SYS_setsid);
  TakeLogPipe(plan);
  PlaceDescriptors(plan, report_fd);
  OpenLog(plan);
  SetLimits(plan);
  const long program_fd = RawSyscall(
      SYS_openat, AT_FDCWD, RawPointer(plan.program), O_PATH | O_CLOEXEC, 0);
  Check(plan, SpawnStage::kOpenProgram, program_fd);
  BecomeUser(plan);
  Check(plan, SpawnStage::kWorkingDirectory,
        RawSyscall(SYS_chdir, RawPointer(plan.working_directory)));
  if (plan.no_new_privs) RawSyscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // A change of user clears the death signal, so it is set here; and if the
  // keeper died before this line, the signal would never come.
  RawSyscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (RawSyscall(SYS_getppid) != plan.keeper_pid) {
    Fail(plan, SpawnStage::kParentGone, -ESRCH);
  }
  WriteListenPid(plan);
  Execute(plan, static_cast<int>(program_fd));
}

}  // namespace espalier::keeper
