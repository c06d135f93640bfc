#ifndef SUPERVISOR_ENGINE_SIMULATION_SHRINK_H_
#define SUPERVISOR_ENGINE_SIMULATION_SHRINK_H_

#include <functional>

#include "supervisor/engine/simulation/scenario.h"

namespace espalier::simulation {

// The smallest scenario found that still `fails`, beginning with one that does:
// acts, services, needs and groups are left out, pauses are made nothing, as
// long as it goes on failing. `fails` is called `most_trials` times at most.
Scenario Shrink(Scenario scenario,
                const std::function<bool(const Scenario&)>& fails,
                int most_trials = 5000);

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_SHRINK_H_
