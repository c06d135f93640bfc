#ifndef SUPERVISOR_ENGINE_SIMULATION_ORDER_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_ORDER_RULE_H_

#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// Nothing starts before its needs are ready, nothing is stopped before what
// needs it, nobody waits for what will not come, and what restarts together
// comes up only when all of it has gone down.
class OrderRule final : public Rule {
 public:
  explicit OrderRule(View& view)
      : Rule(view),
        fresh_(view.scenario.services.size(), true),
        causes_(view.scenario.services.size(), Cause::kResetRequested),
        batch_(view.scenario.services.size()) {}
  void Before(const Event& event) override;
  void See(const Action& action) override;
  void After() override;

 private:
  // Services that restart together.
  struct Batch {
    GroupId group = kRootGroup;
    std::vector<ServiceId> going_down = {};
  };

  void SeeStart(ServiceId id);
  void SeeStop(ServiceId id);
  void SeeFailure(ServiceId id);
  void Join(ServiceId id, size_t batch);
  void Leave(ServiceId id);
  std::vector<ServiceId> RestartWith(ServiceId id) const;
  // By service: whether it is active and needs the other, directly or not.
  std::vector<bool> Above(ServiceId id) const;

  // By service: it was asked to start and has not been spawned since, as far as
  // can be seen.
  std::vector<bool> fresh_;
  // By service: why it made its latest move.
  std::vector<Cause> causes_;
  std::vector<Batch> batches_;
  // By service: the one it belongs to, counted from 1; 0 for none.
  std::vector<size_t> batch_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_ORDER_RULE_H_
