#include "supervisor/testing/test_deadline.h"

#include <cstdlib>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

absl::Time DeadlineWith(const char* timeout) {
  setenv("TEST_TIMEOUT", timeout, 1);
  return TestDeadline();
}

// As for a program without tests that a test runs.
const absl::Time kBeforeTheTests = DeadlineWith("60");

TEST(TestDeadlineTest, IsShortlyBeforeTheTestsTimeIsOver) {
  const absl::Time now = absl::Now();
  const absl::Time deadline = DeadlineWith("1000");
  EXPECT_GT(deadline, now + absl::Seconds(800));
  EXPECT_LE(deadline, now + absl::Seconds(900));
  EXPECT_EQ(StopDeadline(), deadline + absl::Seconds(50));
  EXPECT_EQ(UntilTestDeadline(),
            "until the test's time (TEST_TIMEOUT, 1000 s) was nearly over");
}

TEST(TestDeadlineTest, IsNeverWhereThereIsNone) {
  EXPECT_EQ(kBeforeTheTests, absl::InfiniteFuture());
  EXPECT_EQ(DeadlineWith(""), absl::InfiniteFuture());
  EXPECT_EQ(DeadlineWith("soon"), absl::InfiniteFuture());
  EXPECT_EQ(DeadlineWith("0"), absl::InfiniteFuture());
}

}  // namespace
}  // namespace espalier
