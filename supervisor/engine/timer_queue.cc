#include "supervisor/engine/timer_queue.h"

namespace espalier {

void TimerQueue::Set(ServiceId id, absl::Time when) {
  Clear(id);
  if (when == absl::InfiniteFuture()) return;
  if (Index(id) >= when_.size()) {
    when_.resize(Index(id) + 1, absl::InfiniteFuture());
  }
  when_[Index(id)] = when;
  queue_.emplace(when, id);
}

void TimerQueue::Clear(ServiceId id) {
  const absl::Time when = Get(id);
  if (when == absl::InfiniteFuture()) return;
  queue_.erase({when, id});
  when_[Index(id)] = absl::InfiniteFuture();
}

absl::Time TimerQueue::Get(ServiceId id) const {
  return Index(id) < when_.size() ? when_[Index(id)] : absl::InfiniteFuture();
}

absl::Time TimerQueue::Next() const {
  return queue_.empty() ? absl::InfiniteFuture() : queue_.begin()->first;
}

std::optional<ServiceId> TimerQueue::PopDue(absl::Time now) {
  if (queue_.empty() || queue_.begin()->first > now) return std::nullopt;
  const ServiceId id = queue_.begin()->second;
  Clear(id);
  return id;
}

}  // namespace espalier
