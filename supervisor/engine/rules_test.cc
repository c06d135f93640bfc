#include "supervisor/engine/rules.h"

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

void ExpectRefused(const absl::Status& status, const std::string& part) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(status.message()).find(part), std::string::npos)
      << status;
}

TEST(RestartRuleTest, TheDefaultIsFine) {
  EXPECT_EQ(RestartRule{}.Validate(), absl::OkStatus());
}

TEST(RestartRuleTest, RefusesWhatMakesNoSense) {
  ExpectRefused(RestartRule{.max_runs = 0}.Validate(), "at least 1 run");
  ExpectRefused(RestartRule{.window = absl::ZeroDuration()}.Validate(),
                "window");
  ExpectRefused(RestartRule{.initial_delay = -absl::Seconds(1)}.Validate(),
                "pause");
  ExpectRefused(RestartRule{.max_delay = absl::Milliseconds(50)}.Validate(),
                "pause");
  ExpectRefused(RestartRule{.jitter = 1}.Validate(), "jitter");
  ExpectRefused(RestartRule{.jitter = -0.1}.Validate(), "jitter");
  ExpectRefused(RestartRule{.ready_for_reset = -absl::Seconds(1)}.Validate(),
                "recovered");
  ExpectRefused(RestartRule{.permanent_exit_codes = {0}}.Validate(),
                "exit code");
}

// Pauses of 0.1, 0.2, 0.4, 0.8 s, a quarter longer at most: 1.875 s.
TEST(RestartRuleTest, RefusesALimitThatItsPausesMakeUnreachable) {
  const auto with_window = [](absl::Duration window) {
    return RestartRule{.window = window}.Validate();
  };
  EXPECT_EQ(with_window(absl::Milliseconds(1876)), absl::OkStatus());
  ExpectRefused(with_window(absl::Milliseconds(1875)), "can never be reached");
  ExpectRefused(RestartRule{.max_runs = 1'000'000}.Validate(),
                "can never be reached");
}

TEST(RestartRuleTest, WithoutPausesEveryLimitCanBeReached) {
  EXPECT_EQ((RestartRule{.max_runs = 1'000'000,
                         .initial_delay = absl::ZeroDuration(),
                         .max_delay = absl::ZeroDuration()})
                .Validate(),
            absl::OkStatus());
}

TEST(StopRuleTest, RefusesWhatMakesNoSense) {
  EXPECT_EQ(StopRule{}.Validate(), absl::OkStatus());
  EXPECT_EQ(StopRule{.grace = absl::ZeroDuration()}.Validate(),
            absl::OkStatus());
  ExpectRefused(StopRule{.signal = 0}.Validate(), "no signal 0");
  ExpectRefused(StopRule{.signal = 1000}.Validate(), "no signal 1000");
  ExpectRefused(StopRule{.grace = absl::InfiniteDuration()}.Validate(),
                "grace");
  ExpectRefused(StopRule{.grace = -absl::Seconds(1)}.Validate(), "grace");
}

}  // namespace
}  // namespace espalier
