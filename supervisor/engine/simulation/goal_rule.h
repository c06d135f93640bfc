#ifndef SUPERVISOR_ENGINE_SIMULATION_GOAL_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_GOAL_RULE_H_

#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// What was asked for last is what is reached: what was stopped is at rest in
// time, and when the faults have ceased, what was started is ready, done, has
// failed, or is blocked by what has failed.
class GoalRule final : public Rule {
 public:
  explicit GoalRule(View& view)
      : Rule(view),
        wanted_(view.scenario.services.size()),
        fresh_(view.scenario.services.size()),
        unsure_(view.scenario.services.size()),
        spared_(view.scenario.services.size()),
        unwanted_since_(view.scenario.services.size(), absl::InfiniteFuture()) {
  }
  void Before(const Event& event) override;
  void See(const Action& action) override;
  void After() override;
  void AtRest() override;

 private:
  void Start(ServiceId id);
  void Stop(ServiceId id);
  bool StopOne(ServiceId id);
  void SpareFromNowOn(ServiceId id);
  void StopGroup(GroupId group);
  void LookAtRest(ServiceId id);

  // By service.
  std::vector<bool> wanted_;
  std::vector<bool> fresh_;
  // Whether it is fresh cannot be seen; what became of it could not be seen, so
  // that nothing is asked of it any more.
  std::vector<bool> unsure_;
  std::vector<bool> spared_;
  std::vector<absl::Time> unwanted_since_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_GOAL_RULE_H_
