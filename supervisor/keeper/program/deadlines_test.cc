#include "supervisor/keeper/program/deadlines.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

TEST(DeadlinesTest, TheEarliestComesFirst) {
  Deadlines deadlines;
  for (uint64_t at : {30, 10, 20}) {
    deadlines.Add({.at_ns = at, .id = static_cast<uint32_t>(at)});
  }
  EXPECT_FALSE(deadlines.TakeDue(9).has_value());
  EXPECT_EQ(deadlines.TakeDue(20)->id, 10u);
  EXPECT_EQ(deadlines.TakeDue(20)->id, 20u);
  EXPECT_FALSE(deadlines.TakeDue(20).has_value());
}

TEST(DeadlinesTest, TheTimeoutIsRoundedUpSoThatItIsNeverTooEarly) {
  Deadlines deadlines;
  EXPECT_EQ(deadlines.TimeoutMs(0), -1);
  deadlines.Add({.at_ns = 5'000'001});
  EXPECT_EQ(deadlines.TimeoutMs(0), 6);
  EXPECT_EQ(deadlines.TimeoutMs(5'000'000), 1);
  EXPECT_EQ(deadlines.TimeoutMs(5'000'001), 0);
  EXPECT_EQ(deadlines.TimeoutMs(UINT64_MAX), 0);
}

TEST(DeadlinesTest, AFarOneIsNotTooLargeForEpoll) {
  Deadlines deadlines;
  deadlines.Add({.at_ns = UINT64_MAX});
  EXPECT_EQ(deadlines.TimeoutMs(0), 24 * 3600 * 1000);
}

}  // namespace
}  // namespace espalier::keeper
