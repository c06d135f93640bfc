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

#include <atomic>
#include <cstdint>

namespace espalier::keeper {

class OrphanWatch {
 public:
  // What the leading thread does for the rest of its life. Sleeps unless asked.
  [[noreturn]] void ServeOnLeadingThread();

  // From the loop's thread: has the dead ones reaped, without waiting.
  void Reap();
  // From the loop's thread: has the dead ones reaped, waits for that (some
  // microseconds), and returns whether living ones remain.
  bool ReapAndCheck();

 private:
  std::atomic<uint32_t> asked_{0};
  std::atomic<uint32_t> answered_{0};
  std::atomic<bool> any_left_{false};
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_ORPHAN_WATCH_H_
