#ifndef SUPERVISOR_ENGINE_SIMULATION_TAKEN_ALONG_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_TAKEN_ALONG_RULE_H_

#include <set>
#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// Who runs a group again is told exactly who was stopped with it and is still
// to be started again with it.
class TakenAlongRule : public Rule {
 public:
  explicit TakenAlongRule(View& view)
      : Rule(view), taken_(view.scenario.groups.size() + 1) {}

  void Before(const Event& event) override;
  void See(const Action& action) override;
  void After() override;

 private:
  void Take(GroupId group);

  // By group.
  std::vector<std::set<ServiceId>> taken_;
  // Groups that give up together do so for the same services: those that were
  // wanted before the first of them did.
  std::vector<bool> wanted_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_TAKEN_ALONG_RULE_H_
