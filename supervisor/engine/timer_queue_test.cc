#include "supervisor/engine/timer_queue.h"

#include <optional>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/engine/ids.h"

namespace espalier {
namespace {

constexpr ServiceId kA{0};
constexpr ServiceId kB{1};

absl::Time At(int seconds) {
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

TEST(TimerQueueTest, IsEmptyAtFirst) {
  TimerQueue timers;
  EXPECT_EQ(timers.Next(), absl::InfiniteFuture());
  EXPECT_EQ(timers.Get(kB), absl::InfiniteFuture());
  EXPECT_EQ(timers.PopDue(At(1)), std::nullopt);
}

TEST(TimerQueueTest, GivesTheEarliestFirstAndOnce) {
  TimerQueue timers;
  timers.Set(kA, At(2));
  timers.Set(kB, At(1));
  EXPECT_EQ(timers.Next(), At(1));
  EXPECT_EQ(timers.PopDue(At(2)), kB);
  EXPECT_EQ(timers.PopDue(At(2)), kA);
  EXPECT_EQ(timers.PopDue(At(2)), std::nullopt);
}

TEST(TimerQueueTest, EqualTimesComeInTheOrderOfIds) {
  TimerQueue timers;
  timers.Set(kB, At(1));
  timers.Set(kA, At(1));
  EXPECT_EQ(timers.PopDue(At(1)), kA);
  EXPECT_EQ(timers.PopDue(At(1)), kB);
}

TEST(TimerQueueTest, KeepsWhatIsNotDue) {
  TimerQueue timers;
  timers.Set(kA, At(2));
  EXPECT_EQ(timers.PopDue(At(1)), std::nullopt);
  EXPECT_EQ(timers.Get(kA), At(2));
}

TEST(TimerQueueTest, ANewTimeReplacesTheOldOne) {
  TimerQueue timers;
  timers.Set(kA, At(1));
  timers.Set(kA, At(3));
  EXPECT_EQ(timers.PopDue(At(2)), std::nullopt);
  timers.Set(kA, absl::InfiniteFuture());
  EXPECT_EQ(timers.Next(), absl::InfiniteFuture());
}

TEST(TimerQueueTest, ClearTakesOnlyItsOwn) {
  TimerQueue timers;
  timers.Set(kA, At(1));
  timers.Set(kB, At(1));
  timers.Clear(kA);
  timers.Clear(kA);
  EXPECT_EQ(timers.PopDue(At(1)), kB);
  EXPECT_EQ(timers.PopDue(At(1)), std::nullopt);
}

}  // namespace
}  // namespace espalier
