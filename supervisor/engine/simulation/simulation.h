// The engine in a random world, in virtual time, watched by all rules after
// every step.
#ifndef SUPERVISOR_ENGINE_SIMULATION_SIMULATION_H_
#define SUPERVISOR_ENGINE_SIMULATION_SIMULATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/simulation/act.h"
#include "supervisor/engine/simulation/bodies.h"
#include "supervisor/engine/simulation/coverage.h"
#include "supervisor/engine/simulation/scenario.h"

namespace espalier::simulation {

struct Outcome {
  // What the first step that broke a rule broke; empty if none did.
  std::vector<std::string> violations = {};
  // The acts that took effect, and how many events the engine was told.
  ActCounts counts{};
  int64_t steps = 0;
  // Bodies that were run again, and services that got another spec.
  Bodies::Counts bodies = {};
  int64_t replaced = 0;
  Coverage coverage = {};
};

// Runs the scenario to its end, or to the first step that breaks a rule. If
// `tell` is set, it gets the story, line by line: each event, and what the
// engine made of it; `record`, if set, gets each move of a service, when it
// was, and the engine after it. The same scenario gives the same outcome and
// story.
Outcome Simulate(const Scenario& scenario,
                 const std::function<void(const std::string&)>& tell = nullptr,
                 const std::function<void(const Changed&, absl::Time,
                                          const Engine&)>& record = nullptr);

// How many acts of the counts were faults.
int64_t CountFaults(const ActCounts& counts);

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_SIMULATION_H_
