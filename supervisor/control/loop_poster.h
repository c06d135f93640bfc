#ifndef ESPALIER_SUPERVISOR_CONTROL_LOOP_POSTER_H_
#define ESPALIER_SUPERVISOR_CONTROL_LOOP_POSTER_H_

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// The way from gRPC's threads to the loop, which can be closed from there: what
// comes later, or was posted and has not run, is dropped. Any thread.
class LoopPoster : public std::enable_shared_from_this<LoopPoster> {
 public:
  explicit LoopPoster(Loop* loop) : loop_(loop) {}

  void Post(std::function<void()> task) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (loop_ == nullptr) return;
    loop_->Post([self = shared_from_this(), task = std::move(task)] {
      if (!self->closed()) task();
    });
  }

  // The loop's thread.
  void Close() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    loop_ = nullptr;
  }

 private:
  bool closed() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return loop_ == nullptr;
  }

  absl::Mutex mutex_;
  Loop* loop_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_LOOP_POSTER_H_
