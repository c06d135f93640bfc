#ifndef SUPERVISOR_ENGINE_SIMULATION_LIMIT_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_LIMIT_RULE_H_

#include <deque>
#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// Limits are never exceeded, and nothing is given up before they are reached:
// failed runs within the window, services that start at a time, and those that
// are stopped for being slow on a starved machine.
class LimitRule final : public Rule {
 public:
  explicit LimitRule(View& view)
      : Rule(view),
        max_starting_(view.scenario.max_starting),
        failures_(view.scenario.services.size()) {}
  void Before(const Event& event) override;
  void See(const Action& action) override;
  void After() override;

 private:
  int Cap() const;
  void SeeFailure(ServiceId id);
  void SeeGivenUp(const Changed& change);
  void Charge(ServiceId id);
  void SeeSlow(const Changed& change);

  int max_starting_;
  bool pressed_ = false;
  int starting_ = 0;
  absl::Time last_slow_ = absl::InfinitePast();
  // By service: its failed runs, oldest first.
  std::vector<std::deque<absl::Time>> failures_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_LIMIT_RULE_H_
