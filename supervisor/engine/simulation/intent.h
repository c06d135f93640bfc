#ifndef SUPERVISOR_ENGINE_SIMULATION_INTENT_H_
#define SUPERVISOR_ENGINE_SIMULATION_INTENT_H_

#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// What was asked for last, told from what the engine was told and what it
// reported: the measure for the rules. All by service, exact, and up to date
// whenever a rule looks (in Rule::See: as before the action).
class Intent {
 public:
  explicit Intent(const View& view)
      : view_(view),
        wanted_(view.scenario.services.size()),
        fresh_(view.scenario.services.size(), true),
        new_record_(view.scenario.services.size()),
        timed_out_(view.scenario.services.size()),
        stop_pending_(view.scenario.services.size()) {}

  // Somebody wants it to run.
  bool IsWanted(ServiceId id) const { return wanted_[Index(id)]; }
  // It was asked to start and has not been spawned since: what it needs at its
  // start counts.
  bool IsFresh(ServiceId id) const { return fresh_[Index(id)]; }
  // Those that this step was to stop and that were wanted before, in order.
  const std::vector<ServiceId>& stopped() const { return stopped_; }
  // This step began a new record for it. Exact in Rule::After only.
  bool HasNewRecord(ServiceId id) const { return new_record_[Index(id)]; }

  // In the order of a simulation's step: before the rules, after them, and
  // before them.
  void Before(const Event& event);
  void See(const Action& action);
  void After();

 private:
  void Start(ServiceId id);
  void Restart(ServiceId id);
  void StartOne(ServiceId id);
  void BeginAnew(ServiceId id);
  void Stop(ServiceId id);
  bool StopOne(ServiceId id);
  void StopGroup(GroupId group);
  void See(const Changed& change);

  const View& view_;
  std::vector<bool> wanted_;
  std::vector<bool> fresh_;
  std::vector<bool> new_record_;
  // Its start has timed out, so it is on its way down to fail for good.
  std::vector<bool> timed_out_;
  std::vector<bool> stop_pending_;
  std::vector<ServiceId> stopped_;
  // Started while they were about to be stopped. Either that is taken back, or
  // they go down all the same and begin anew.
  std::vector<ServiceId> undecided_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_INTENT_H_
