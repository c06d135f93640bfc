#include "supervisor/engine/rules.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

absl::Status Refuse(const std::string& why) {
  return absl::InvalidArgumentError(why);
}

// The longest that the pauses between `rule.max_runs` runs can take.
absl::Duration LongestPauses(const RestartRule& rule) {
  absl::Duration total = absl::ZeroDuration();
  absl::Duration pause = rule.initial_delay;
  int left = rule.max_runs - 1;
  while (left > 0 && pause < rule.max_delay && pause > absl::ZeroDuration()) {
    total += pause;
    pause *= 2;
    --left;
  }
  total += std::min(pause, rule.max_delay) * left;
  return total * (1.0 + rule.jitter);
}

}  // namespace

absl::Status RestartRule::Validate() const {
  if (max_runs < 1) {
    return Refuse(absl::StrCat("a service must be allowed at least 1 run, not ",
                               max_runs));
  }
  if (window <= absl::ZeroDuration()) {
    return Refuse(absl::StrCat("the window in which failed runs are counted ",
                               "must be longer than 0, not ",
                               absl::FormatDuration(window)));
  }
  if (initial_delay < absl::ZeroDuration() || max_delay < initial_delay ||
      max_delay == absl::InfiniteDuration()) {
    return Refuse(absl::StrCat(
        "the pause before the next run must begin at 0 or more and end at as ",
        "much or more, not begin at ", absl::FormatDuration(initial_delay),
        " and end at ", absl::FormatDuration(max_delay)));
  }
  if (std::isnan(jitter) || jitter < 0 || jitter >= 1) {
    return Refuse(
        absl::StrCat("jitter must be at least 0 and below 1, not ", jitter));
  }
  if (ready_for_reset < absl::ZeroDuration()) {
    return Refuse(absl::StrCat(
        "the time after which a ready service counts as recovered must not be ",
        "negative, not ", absl::FormatDuration(ready_for_reset)));
  }
  for (const int code : permanent_exit_codes) {
    if (code >= 1 && code <= 255) continue;
    return Refuse(absl::StrCat("a permanent exit code must be between 1 and ",
                               "255, not ", code));
  }
  if (const absl::Duration pauses = LongestPauses(*this); pauses >= window) {
    return Refuse(absl::StrCat(
        "the limit of ", max_runs, " runs within ",
        absl::FormatDuration(window), " can never be reached: the pauses ",
        "between so many runs take up to ", absl::FormatDuration(pauses)));
  }
  return absl::OkStatus();
}

absl::Status StopRule::Validate() const {
  if (signal < 1 || signal > SIGRTMAX) {
    return Refuse(absl::StrCat("there is no signal ", signal, " to stop with"));
  }
  if (grace < absl::ZeroDuration() || grace == absl::InfiniteDuration()) {
    return Refuse(
        absl::StrCat("the grace time of a stop must be 0 or more and ",
                     "must end, not ", absl::FormatDuration(grace)));
  }
  return absl::OkStatus();
}

}  // namespace espalier
