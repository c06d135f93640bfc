// OrphanWatch: whether processes that lost their parents have been given to the
// keeper, and reaping those that ended, without touching main processes.
//
// An orphan goes to the first living thread of its subreaper, that is to the
// keeper's leading thread; and a process spawned by a second thread is a child
// of that second thread. So with the loop, which spawns, on a second thread,
// the leading thread's children are exactly the orphans: waitid(P_ALL,
// __WNOTHREAD) there reaps them and nothing else, and tells at once if there
// are none. With one thread, each death would cost a walk over all children,
// and the question "is anything left of this tree?" a walk over all of /proc.
//
// (PR_SET_PDEATHSIG is about the thread that spawned. Both end with the
// keeper.)
#ifndef SUPERVISOR_KEEPER_PROGRAM_ORPHAN_WATCH_H_
#define SUPERVISOR_KEEPER_PROGRAM_ORPHAN_WATCH_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "supervisor/keeper/owned_fd.h"

namespace espalier::keeper {

class OrphanWatch {
 public:
  OrphanWatch();

  // What the leading thread does for the rest of its life. Sleeps unless asked.
  [[noreturn]] void ServeOnLeadingThread();

  // From the loop's thread: has the dead ones reaped, without waiting.
  void Reap();
  // From the loop's thread: has the dead ones reaped, waits for that (some
  // microseconds if there are any), and returns whether living ones remain.
  bool ReapAndCheck();
  // From the loop's thread: the orphans, living and dead, that have not been
  // reaped. Empty on kernels that do not list them (CONFIG_PROC_CHILDREN).
  static std::vector<pid_t> List();

  // From the loop's thread: leaves an orphan to the caller, who wants to know
  // how it ended; and takes that back. While one that is kept is dead, those
  // that died after it are not reaped either.
  void Keep(pid_t pid);
  void Release(pid_t pid);

 private:
  // On the leading thread. False if it has no children.
  bool ReapOrphans();
  // From the loop's thread: whether there may be any. To ask the kernel takes
  // a microsecond; to wake the leading thread, which asks as well, takes thirty
  // where its processor sleeps, and each death would pay for it.
  bool MayHaveOrphans() const;
  void Ask();
  bool IsKept(pid_t pid);

  // The leading thread's, as the kernel lists them; not open where it does not.
  const OwnedFd children_;
  std::mutex mutex_;
  std::vector<pid_t> kept_;  // Guarded by mutex_.
  std::atomic<bool> any_kept_{false};
  std::atomic<uint32_t> asked_{0};
  std::atomic<uint32_t> answered_{0};
  std::atomic<bool> any_left_{false};
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_ORPHAN_WATCH_H_
