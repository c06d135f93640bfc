#include "supervisor/engine/restart_window.h"

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/engine/rules.h"

namespace espalier {
namespace {

absl::Time At(absl::Duration since_start) {
  return absl::UnixEpoch() + since_start;
}

TEST(RestartWindowTest, TheFifthWithinTheWindowIsTooMany) {
  RestartWindow window;
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(window.ChargeAndCheck({}, At(absl::Seconds(i)))) << i;
  }
  EXPECT_TRUE(window.ChargeAndCheck({}, At(absl::Seconds(4))));
}

TEST(RestartWindowTest, F32TheWindowSlides) {
  RestartWindow window;
  for (int i = 0; i < 4; ++i) {
    EXPECT_FALSE(window.ChargeAndCheck({}, At(absl::Seconds(i))));
  }
  // The first has left the window at this very moment, so these are four...
  EXPECT_FALSE(window.ChargeAndCheck({}, At(absl::Seconds(60))));
  // ...and with the next one, five lie between 1 s and 60.999 s.
  EXPECT_TRUE(window.ChargeAndCheck({}, At(absl::Milliseconds(60'999))));
}

TEST(RestartWindowTest, CountsWhatLiesInTheWindow) {
  RestartWindow window;
  window.ChargeAndCheck({}, At(absl::Seconds(0)));
  window.ChargeAndCheck({}, At(absl::Seconds(30)));
  EXPECT_EQ(window.Count({}, At(absl::Seconds(59))), 2);
  EXPECT_EQ(window.Count({}, At(absl::Seconds(60))), 1);
  EXPECT_EQ(window.Count({}, At(absl::Seconds(90))), 0);
  window.Clear();
  EXPECT_EQ(window.Count({}, At(absl::Seconds(30))), 0);
}

TEST(RestartWindowTest, OneRunMeansNoSecondTry) {
  RestartWindow window;
  EXPECT_TRUE(window.ChargeAndCheck({.max_runs = 1}, At(absl::Seconds(0))));
}

TEST(PauseAfterTest, DoublesUpToTheLongest) {
  const RestartRule rule = {.jitter = 0};
  EXPECT_EQ(PauseAfter(rule, 1, 0), absl::Milliseconds(100));
  EXPECT_EQ(PauseAfter(rule, 2, 0), absl::Milliseconds(200));
  EXPECT_EQ(PauseAfter(rule, 4, 0), absl::Milliseconds(800));
  EXPECT_EQ(PauseAfter(rule, 5, 0), absl::Seconds(1));
  EXPECT_EQ(PauseAfter(rule, 1'000'000, 0), absl::Seconds(1));
}

TEST(PauseAfterTest, JitterStaysWithinItsBoundsAndReachesThem) {
  absl::Duration shortest = absl::InfiniteDuration();
  absl::Duration longest = absl::ZeroDuration();
  for (uint64_t i = 0; i < 1000; ++i) {
    const absl::Duration pause = PauseAfter({}, 1, MixBits(7, 3, i));
    shortest = std::min(shortest, pause);
    longest = std::max(longest, pause);
  }
  EXPECT_GE(shortest, absl::Milliseconds(75));
  EXPECT_LT(shortest, absl::Milliseconds(77));
  EXPECT_LT(longest, absl::Milliseconds(125));
  EXPECT_GT(longest, absl::Milliseconds(123));
}

TEST(MixBitsTest, DependsOnEachNumberAndOnNothingElse) {
  EXPECT_EQ(MixBits(1, 2, 3), MixBits(1, 2, 3));
  EXPECT_NE(MixBits(1, 2, 3), MixBits(2, 2, 3));
  EXPECT_NE(MixBits(1, 2, 3), MixBits(1, 3, 3));
  EXPECT_NE(MixBits(1, 2, 3), MixBits(1, 2, 4));
}

}  // namespace
}  // namespace espalier
