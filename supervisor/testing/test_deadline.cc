#include "supervisor/testing/test_deadline.h"

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

// 0 if there is none.
int TimeoutSeconds() {
  const char* const text = std::getenv("TEST_TIMEOUT");
  int seconds = 0;
  if (text == nullptr || !absl::SimpleAtoi(text, &seconds)) return 0;
  return seconds;
}

absl::Time AfterShareOfTimeout(double share) {
  const int seconds = TimeoutSeconds();
  const auto began = testing::UnitTest::GetInstance()->start_timestamp();
  if (seconds <= 0 || began == 0) return absl::InfiniteFuture();
  return absl::FromUnixMillis(began) + share * absl::Seconds(seconds);
}

}  // namespace

absl::Time TestDeadline() { return AfterShareOfTimeout(0.9); }
absl::Time StopDeadline() { return AfterShareOfTimeout(0.95); }

std::string UntilTestDeadline() {
  return absl::StrCat("until the test's time (TEST_TIMEOUT, ", TimeoutSeconds(),
                      " s) was nearly over");
}

}  // namespace espalier
