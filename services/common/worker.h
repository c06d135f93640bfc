#ifndef ESPALIER_SERVICES_COMMON_WORKER_H_
#define ESPALIER_SERVICES_COMMON_WORKER_H_

#include <deque>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace espalier {

// One thread that runs what may block, so that an event loop need not. The
// queue has no limit of its own: whoever submits limits what is under way.
class Worker {
 public:
  Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  // Runs what was submitted, then ends the thread; blocks until then.
  ~Worker();

  // Runs `fn` on the worker's thread, in the order of the calls. From any
  // thread.
  void Submit(absl::AnyInvocable<void() &&> fn);

 private:
  void Loop();
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return closed_ || !queue_.empty();
  }

  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<absl::AnyInvocable<void() &&>> queue_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_WORKER_H_
