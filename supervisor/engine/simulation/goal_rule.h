#ifndef SUPERVISOR_ENGINE_SIMULATION_GOAL_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_GOAL_RULE_H_

#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// What was asked for last is what is reached: nothing starts that nobody wants,
// what was stopped is at rest in time, and when the faults have ceased, what
// was started is ready, done, has failed, or is blocked by what has failed.
class GoalRule final : public Rule {
 public:
  explicit GoalRule(View& view)
      : Rule(view),
        unwanted_since_(view.scenario.services.size(), absl::InfiniteFuture()) {
  }
  void See(const Action& action) override;
  void After() override;
  void AtRest() override;

 private:
  void LookAtRest(ServiceId id);

  // By service: since when it runs although it is to be stopped.
  std::vector<absl::Time> unwanted_since_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_GOAL_RULE_H_
