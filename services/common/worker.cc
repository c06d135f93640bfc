#include "services/common/worker.h"

#include <utility>

namespace espalier {

Worker::Worker() : thread_([this] { Loop(); }) {}

Worker::~Worker() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  thread_.join();
}

void Worker::Submit(absl::AnyInvocable<void() &&> fn) {
  absl::MutexLock lock(&mutex_);
  queue_.push_back(std::move(fn));
}

void Worker::Loop() {
  while (true) {
    absl::AnyInvocable<void() &&> fn;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &Worker::HasWork));
      if (queue_.empty()) return;
      fn = std::move(queue_.front());
      queue_.pop_front();
    }
    std::move(fn)();
  }
}

}  // namespace espalier
