// Deadlines: until when something of a run may take, the earliest first.
#ifndef SUPERVISOR_KEEPER_PROGRAM_DEADLINES_H_
#define SUPERVISOR_KEEPER_PROGRAM_DEADLINES_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace espalier::keeper {

// What has to have happened by then.
enum class DeadlineKind : uint8_t { kStop, kWatchdog, kLogFinished };

struct Deadline {
  uint64_t at_ns = 0;  // CLOCK_MONOTONIC.
  uint32_t id = 0;
  uint64_t generation = 0;
  DeadlineKind kind = DeadlineKind::kStop;
  bool operator>(const Deadline& other) const { return at_ns > other.at_ns; }
};

// A heap. Nothing is taken out early: a deadline whose generation has gone is
// dropped when its time comes.
class Deadlines {
 public:
  void Add(Deadline deadline) {
    heap_.push_back(deadline);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  // One that has passed, taken out.
  std::optional<Deadline> TakeDue(uint64_t now_ns) {
    if (heap_.empty() || heap_.front().at_ns > now_ns) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const Deadline due = heap_.back();
    heap_.pop_back();
    return due;
  }

  // For epoll_wait: milliseconds until the earliest, rounded up; −1 if none.
  int TimeoutMs(uint64_t now_ns) const {
    if (heap_.empty()) return -1;
    const uint64_t at = heap_.front().at_ns;
    if (at <= now_ns) return 0;
    constexpr uint64_t kNsPerMs = 1'000'000;
    constexpr uint64_t kDayMs = 24 * 3600 * 1000;
    const uint64_t left = at - now_ns;
    const uint64_t ms = left / kNsPerMs + (left % kNsPerMs != 0 ? 1 : 0);
    return static_cast<int>(std::min(ms, kDayMs));
  }

 private:
  std::vector<Deadline> heap_;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_DEADLINES_H_
