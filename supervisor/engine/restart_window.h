// The counting behind "five runs within 60 s, then it fails".
#ifndef SUPERVISOR_ENGINE_RESTART_WINDOW_H_
#define SUPERVISOR_ENGINE_RESTART_WINDOW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/engine/rules.h"

namespace espalier {

// The failures of one service or group that lie within a sliding window. The
// window is open at its old end: a failure exactly `window` ago does not count.
class RestartWindow {
 public:
  // Notes a failure at `now` and says whether this makes too many. `rule` must
  // be valid; times must not go backwards.
  bool ChargeAndCheck(const RestartRule& rule, absl::Time now);

  // How many failures lie in the window that ends at `now`.
  int Count(const RestartRule& rule, absl::Time now) const;

  void Clear() { failures_.clear(); }

 private:
  // Oldest first; never more than `max_runs`. Most have none, and pay nothing.
  std::vector<absl::Time> failures_;
};

// For a person, what it means that the limit is reached: "failed 5 times within
// 1m".
std::string LimitText(const RestartRule& rule);

// The pause before a run that follows `failures` failures in a row (at least
// 1): `rule.initial_delay`, doubled for each further one, at most
// `rule.max_delay`; then made longer or shorter by up to `rule.jitter` of it,
// by how much depends on `random` alone. So it can exceed `rule.max_delay`.
absl::Duration PauseAfter(const RestartRule& rule, int failures,
                          uint64_t random);

// Well mixed bits that depend on the three numbers and nothing else.
uint64_t MixBits(uint64_t seed, uint64_t stream, uint64_t index);

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_RESTART_WINDOW_H_
