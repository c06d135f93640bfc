#include "supervisor/engine/simulation/campaign.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "supervisor/engine/simulation/scenario.h"

namespace espalier::simulation {

void Campaign::Run(int64_t faults) {
  while (!broken_seed_.has_value() && CountFaults(total_.counts) < faults) {
    const uint64_t seed = next_seed_++;
    Outcome outcome = Simulate(MakeScenario(seed));
    ++simulations_;
    total_.steps += outcome.steps;
    total_.coverage.Add(outcome.coverage);
    total_.bodies.runs += outcome.bodies.runs;
    total_.bodies.ups += outcome.bodies.ups;
    total_.bodies.taken_along += outcome.bodies.taken_along;
    total_.replaced += outcome.replaced;
    for (size_t i = 0; i < kActKinds; ++i) {
      total_.counts[i] += outcome.counts[i];
    }
    if (outcome.violations.empty()) continue;
    broken_seed_ = seed;
    total_.violations = std::move(outcome.violations);
  }
}

std::vector<std::string> Campaign::RareFaults() const {
  const int64_t all = CountFaults(total_.counts);
  std::vector<std::string> rare;
  for (size_t i = 0; i < kActKinds; ++i) {
    const auto kind = static_cast<ActKind>(i);
    if (!IsFault(kind) || total_.counts[i] * 100 >= all) continue;
    rare.push_back(std::string(ActName(kind)));
  }
  return rare;
}

std::string Campaign::Report() const {
  const int64_t all = CountFaults(total_.counts);
  std::string report =
      absl::StrFormat("%d simulations, %d events, %d faults:\n", simulations_,
                      total_.steps, all);
  for (size_t i = 0; i < kActKinds; ++i) {
    const auto kind = static_cast<ActKind>(i);
    if (i == static_cast<size_t>(ActKind::kStart)) report += "commands:\n";
    absl::StrAppendFormat(&report, "  %-20s %9d", std::string(ActName(kind)),
                          total_.counts[i]);
    if (IsFault(kind)) {
      absl::StrAppendFormat(&report, "  %4.1f %%",
                            100.0 * total_.counts[i] / all);
    }
    report += "\n";
  }
  absl::StrAppend(
      &report, "groups run again: ", total_.bodies.runs,
      ", up: ", total_.bodies.ups,
      ", services started again with them: ", total_.bodies.taken_along,
      "; services replaced: ", total_.replaced, "\n",
      total_.coverage.ToString());
  for (const std::string& pair : total_.coverage.Missing()) {
    absl::StrAppend(&report, "never met: ", pair, "\n");
  }
  for (const std::string& pair : total_.coverage.Unexpected()) {
    absl::StrAppend(&report, "met, and could not: ", pair, "\n");
  }
  if (broken_seed_.has_value()) {
    absl::StrAppend(&report, "BROKEN by seed ", *broken_seed_, ":\n  ",
                    absl::StrJoin(total_.violations, "\n  "), "\n");
  }
  return report;
}

}  // namespace espalier::simulation
