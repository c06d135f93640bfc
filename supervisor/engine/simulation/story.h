#ifndef SUPERVISOR_ENGINE_SIMULATION_STORY_H_
#define SUPERVISOR_ENGINE_SIMULATION_STORY_H_

#include <string>

#include "absl/time/time.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/events.h"
#include "supervisor/engine/simulation/scenario.h"

namespace espalier::simulation {

// What there is: groups and services with all that is not a default.
std::string Describe(const Scenario& scenario);

// One of the services, as it is or as it has become.
std::string Describe(const Scenario& scenario, const ServiceSpec& spec);

// "12.345 s  s3 exited: exit code 1"
std::string Describe(const Scenario& scenario, const Event& event,
                     absl::Time now);

// "           s3 READY -> DRAINING (exited)"
std::string Describe(const Scenario& scenario, const Action& action);

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_STORY_H_
