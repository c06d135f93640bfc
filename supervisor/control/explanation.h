#ifndef ESPALIER_SUPERVISOR_CONTROL_EXPLANATION_H_
#define ESPALIER_SUPERVISOR_CONTROL_EXPLANATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/control/service_snapshot.h"

namespace espalier {

// Why a service is in its state, and what happens next.
struct Explanation {
  // `why` is the whole chain of causes in one sentence.
  ServiceSnapshot service = {};
  // How long it has been in its state.
  absl::Duration age = absl::ZeroDuration();
  // What brought it there: "exited".
  std::string cause = {};
  // What happens if nobody asks for anything: "runs again in 0.8 s".
  std::string next = {};
  // When its state ends by itself; nothing if it does not.
  std::optional<absl::Duration> next_in = {};
  // Failed runs that count now, and how many within what time are too many.
  int64_t failures = 0;
  int64_t max_failures = 0;
  absl::Duration window = absl::ZeroDuration();
  // How the latest run that has ended did: "exit code 1"; empty if none has.
  std::string last_exit = {};
  // Names of those it waits for.
  std::vector<std::string> waits_for = {};

  bool operator==(const Explanation&) const = default;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_EXPLANATION_H_
