#ifndef SUPERVISOR_ENGINE_SIMULATION_BATCH_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_BATCH_RULE_H_

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// What restarts together comes up only when all of it has gone down, and no
// group does that more often than its limit allows: failures while a restart
// still brings services down belong to it and are not charged.
class BatchRule final : public Rule {
 public:
  using Rule::Rule;
  void Before(const Event& event) override;
  void See(const Action& action) override;
  void After() override;

 private:
  // Services that restart together.
  struct Batch {
    std::set<ServiceId> members = {};
    std::set<ServiceId> going_down = {};
  };

  void See(const Changed& change);
  void SeeStart(ServiceId id);
  void SeeFailure(ServiceId id);
  void Charge(GroupId group);
  void Join(ServiceId id, Batch& batch);
  bool IsDown(GroupId group) const;
  std::vector<ServiceId> RestartWith(ServiceId id) const;
  // By service: whether it is active and needs the other, directly or not.
  std::vector<bool> Above(ServiceId id) const;

  std::map<GroupId, Batch> batches_;
  // By group: the times of its restarts that count, oldest first.
  std::map<GroupId, std::deque<absl::Time>> charges_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_BATCH_RULE_H_
