#ifndef SUPERVISOR_ENGINE_SIMULATION_ORDER_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_ORDER_RULE_H_

#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// Nothing starts before its needs are ready, nothing is stopped before what
// needs it, and nobody waits for what will not come.
class OrderRule final : public Rule {
 public:
  explicit OrderRule(View& view)
      : Rule(view),
        causes_(view.scenario.services.size(), Cause::kResetRequested) {}
  void See(const Action& action) override;
  void After() override;

 private:
  void SeeStart(ServiceId id);
  void SeeStop(ServiceId id);

  // By service: why it made its latest move.
  std::vector<Cause> causes_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_ORDER_RULE_H_
