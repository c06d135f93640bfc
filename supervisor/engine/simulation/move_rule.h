#ifndef SUPERVISOR_ENGINE_SIMULATION_MOVE_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_MOVE_RULE_H_

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// The table of states: every move is one of those that engine.h tells, with one
// of their causes; moves are reported all, in order, without gaps; and a state
// has a timer exactly if it has a deadline.
class MoveRule final : public Rule {
 public:
  using Rule::Rule;
  void See(const Action& action) override;
  void After() override;

 private:
  uint64_t revision_ = 0;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_MOVE_RULE_H_
