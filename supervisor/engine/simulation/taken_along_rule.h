#ifndef SUPERVISOR_ENGINE_SIMULATION_TAKEN_ALONG_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_TAKEN_ALONG_RULE_H_

#include <optional>
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
  // What of Intent::stopped() has not been looked at belongs to the group.
  void Take(GroupId group);
  void TakePending();

  // By group.
  std::vector<std::set<ServiceId>> taken_;
  // So many of Intent::stopped() have been looked at.
  size_t seen_ = 0;
  // Has given up, and what is stopped with it is known when the next action is
  // seen. Of groups that give up together it is the outermost.
  std::optional<GroupId> pending_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_TAKEN_ALONG_RULE_H_
