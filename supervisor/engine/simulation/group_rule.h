#ifndef SUPERVISOR_ENGINE_SIMULATION_GROUP_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_GROUP_RULE_H_

#include <map>
#include <optional>
#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// Every stop of a group ends, in time, is answered once, and leaves nothing;
// nothing starts in a group that is closed; and what fails for good fails its
// group, unless somebody awaits its start.
class GroupRule final : public Rule {
 public:
  explicit GroupRule(View& view)
      : Rule(view), awaited_(view.scenario.services.size()) {}
  void Before(const Event& event) override;
  void See(const Action& action) override;
  void After() override;
  void AtRest() override;

 private:
  void Owe(GroupId group) { owed_.try_emplace(group, view_.now); }
  void See(const Changed& change);
  void See(const GaveUp& news);
  void See(const GroupStopped& news);
  bool IsClosed(GroupId group) const;
  bool IsGroupAtRest(GroupId group) const;

  // The groups that are being stopped, and since when.
  std::map<GroupId, absl::Time> owed_;
  bool closed_ = false;
  bool ended_ = false;
  // By service: its failure may be somebody else's to handle.
  std::vector<bool> awaited_;
  // Failed in this step, with nobody who awaits it.
  std::vector<ServiceId> failed_;
  // Failed in this step.
  std::vector<ServiceId> culprits_;
  // By who failed in this step: the group that has to give up next.
  std::map<ServiceId, GroupId> next_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_GROUP_RULE_H_
