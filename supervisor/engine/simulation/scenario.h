// A whole simulation as data: what there is, and what happens to it. The same
// scenario runs the same way every time, so it can be replayed and shrunk.
#ifndef SUPERVISOR_ENGINE_SIMULATION_SCENARIO_H_
#define SUPERVISOR_ENGINE_SIMULATION_SCENARIO_H_

#include <cstdint>
#include <vector>

#include "supervisor/engine/engine.h"
#include "supervisor/engine/simulation/act.h"

namespace espalier::simulation {

// How a simulation ends once all acts are done.
enum class Ending {
  // The faults cease; what was asked for must be reached, then everything is
  // started, must become ready, and is stopped.
  kHeal,
  // In the midst of the faults.
  kStopAll,
  kKillAll,
  kKeeperLost,
};

struct Scenario {
  // Decides the jitter, and how long things take in the world.
  uint64_t seed = 0;
  int max_starting = 1'000'000;
  // In the order of their ids; groups without the root group.
  std::vector<GroupSpec> groups = {};
  std::vector<ServiceSpec> services = {};
  // By group: how often the group's body is run again. Missing, or 0: nobody
  // does so.
  std::vector<int> body_runs = {};
  std::vector<Act> acts = {};
  Ending ending = Ending::kHeal;
};

// A random environment of 1 to 500 services (mostly small ones: a fault in
// these is soon over, and leaves room for the next) and what befalls it.
Scenario MakeScenario(uint64_t seed);

// Another spec for the service, of the same name and in the same group, which
// `number` decides. It needs others that have lower ids.
ServiceSpec MakeReplacement(const ServiceSpec& spec, ServiceId id,
                            uint64_t number);

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_SCENARIO_H_
