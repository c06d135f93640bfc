#ifndef ESPALIER_SUPERVISOR_TESTING_TRACER_H_
#define ESPALIER_SUPERVISOR_TESTING_TRACER_H_

#include <sys/types.h>

namespace espalier {

// A process that traces another one and never looks, as a debugger does at its
// prompt. While it lives the end of what it traces is nobody's to reap, not
// even the parent's; SIGKILL does not help. So what it traces is as good as
// unkillable, without any right that an ordinary user does not have.
//
// Where the kernel lets only ancestors trace (Yama), `pid` has to allow it
// (PR_SET_PTRACER).
class Tracer {
 public:
  // Returns when it traces `pid`.
  explicit Tracer(pid_t pid);
  // Lets go, and ends.
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // Blocks until what it traces is dead, though not reaped.
  void AwaitDeath() const;

 private:
  pid_t pid_ = -1;
  int traced_pidfd_ = -1;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_TRACER_H_
