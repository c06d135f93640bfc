#ifndef SUPERVISOR_ENGINE_SIMULATION_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_RULE_H_

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/events.h"
#include "supervisor/engine/simulation/scenario.h"

namespace espalier::simulation {

class Intent;

// What the rules see of a simulation.
struct View {
  const Scenario& scenario;
  const Engine& engine;
  absl::Time now = absl::UnixEpoch();
  // By service: where the stream of changes says that it is. While an action is
  // looked at: before it.
  std::vector<ServiceState> states = {};
  // By service: its spec, as long as it is not replaced that of the scenario.
  std::vector<ServiceSpec> specs = {};
  // By service: those that name it in `needs` and in `start_needs`.
  std::vector<std::vector<ServiceId>> dependents = {};
  std::vector<std::vector<ServiceId>> start_dependents = {};
  // What was asked for last.
  const Intent* intent = nullptr;
  // What was found wrong so far.
  std::vector<std::string> violations = {};

  ServiceState State(ServiceId id) const { return states[Index(id)]; }
  const ServiceSpec& Spec(ServiceId id) const { return specs[Index(id)]; }
  size_t size() const { return states.size(); }
  static ServiceId Id(size_t index) {
    return ServiceId{static_cast<uint32_t>(index)};
  }
  // Whether `group` is `inside` or lies in it.
  bool Contains(GroupId inside, GroupId group) const {
    while (group != inside && group != kRootGroup) {
      group = engine.Spec(group).parent;
    }
    return group == inside;
  }
  // A stop of everything, in order and with each service as slow as it can be,
  // is over within this time.
  absl::Duration longest_stop = absl::ZeroDuration();
};

// One promise of the engine, watched from outside: it knows what goes in and
// comes out, and what engine.h says.
class Rule {
 public:
  explicit Rule(View& view) : view_(view) {}
  virtual ~Rule() = default;

  // Before the engine is told.
  virtual void Before(const Event&) {}
  // Each action, before it shows in View::states.
  virtual void See(const Action&) {}
  // When all actions of a step have been seen.
  virtual void After() {}
  // When the faults have ceased, what was under way is over, and time alone
  // moves nothing any more.
  virtual void AtRest() {}

 protected:
  void Fail(std::string what) { view_.violations.push_back(std::move(what)); }
  // "s7: …"
  void Fail(ServiceId id, const std::string& what) {
    Fail(view_.Spec(id).name + ": " + what);
  }

  View& view_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_RULE_H_
