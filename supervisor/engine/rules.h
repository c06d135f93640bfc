// What is done when a service ends, and how it is ended: plain settings with
// defaults, written at the call.
#ifndef SUPERVISOR_ENGINE_RULES_H_
#define SUPERVISOR_ENGINE_RULES_H_

#include <csignal>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace espalier {

// Which ends of a run, none of them asked for, lead to another run.
enum class RestartWhen {
  kAlways,     // Every end, also exit code 0 (but a one-shot is done with exit
               // code 0).
  kOnFailure,  // Every end but exit code 0, which means done.
  kNever,      // None: exit code 0 means done, everything else failed.
};

// When and how often a service that ended unasked is run again.
//
// "Five runs within 60 s, then it fails" is a sliding window over the times at
// which runs failed: when the fifth failure within any 60 s happens, the
// service is FAILED, and its group is told.
struct RestartRule {
  RestartWhen when = RestartWhen::kAlways;
  // So many failed runs within `window` are too many: the service fails for
  // good with the last of them. At least 1.
  int max_runs = 5;
  absl::Duration window = absl::Seconds(60);
  // The pause before the next run; it doubles with every failure up to
  // `max_delay`.
  absl::Duration initial_delay = absl::Milliseconds(100);
  absl::Duration max_delay = absl::Seconds(1);
  // Each pause is made longer or shorter by up to this fraction, so that many
  // services do not come back in step. At least 0, below 1.
  double jitter = 0.25;
  // A service that was ready for so long before it ended is run again at once,
  // and its pause is `initial_delay` anew.
  absl::Duration ready_for_reset = absl::Seconds(1);
  // Exit codes which say that another run is of no use: the service fails for
  // good at once.
  std::vector<int> permanent_exit_codes = {125};

  // OK, or InvalidArgument with a sentence that says which setting makes no
  // sense. A limit that can never be reached, because the pauses alone take
  // longer than the window, is refused.
  absl::Status Validate() const;

  friend bool operator==(const RestartRule&, const RestartRule&) = default;
};

// How a service is asked to end.
struct StopRule {
  // Sent to the main process first.
  int signal = SIGTERM;
  // What is still there of its tree after this time is killed. Zero kills at
  // once; infinite is refused.
  absl::Duration grace = absl::Seconds(10);

  // OK, or InvalidArgument with a sentence that says which setting makes no
  // sense.
  absl::Status Validate() const;

  friend bool operator==(const StopRule&, const StopRule&) = default;
};

// How long a service may take from its first spawn until it is ready (a
// one-shot: until it is done), runs that failed in between included.
inline constexpr absl::Duration kDefaultStartTimeout = absl::Seconds(60);

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_RULES_H_
