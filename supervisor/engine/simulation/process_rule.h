#ifndef SUPERVISOR_ENGINE_SIMULATION_PROCESS_RULE_H_
#define SUPERVISOR_ENGINE_SIMULATION_PROCESS_RULE_H_

#include <vector>

#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// Never two runs of a service at a time, generations without gaps, and orders
// that make sense: none for a run that never was, probes in pairs.
class ProcessRule final : public Rule {
 public:
  explicit ProcessRule(View& view)
      : Rule(view), runs_(view.scenario.services.size()) {}
  void Before(const Event& event) override;
  void See(const Action& action) override;
  void After() override;

 private:
  struct Run {
    Generation generation = 0;
    bool lives = false;
    bool exited = false;
    bool drained = false;
    bool probed = false;
    int pid = 0;
  };

  void SeeNews(const Event& event);
  void See(const Spawn& order);
  void See(const StartProbe& order);
  void See(const StopProbe& order);
  void SeeEnd(ServiceId id, Generation generation);
  void Look(ServiceId id, const Run& run);
  Run* Current(ServiceId id, Generation generation);

  std::vector<Run> runs_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_PROCESS_RULE_H_
