// Replays a simulation of the engine and tells its story, or runs many.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "supervisor/engine/simulation/campaign.h"
#include "supervisor/engine/simulation/scenario.h"
#include "supervisor/engine/simulation/shrink.h"
#include "supervisor/engine/simulation/simulation.h"
#include "supervisor/engine/simulation/story.h"

ABSL_FLAG(int64_t, seed, -1,
          "Replay the simulation of this seed and print its story: what there "
          "is, every event, and what the engine made of it.");
ABSL_FLAG(bool, shrink, true,
          "With --seed, when it breaks a rule: print the story of the smallest "
          "simulation that still does.");
ABSL_FLAG(int64_t, faults, 10'000'000,
          "Without --seed: run simulations until so many faults have taken "
          "effect.");
ABSL_FLAG(int64_t, first_seed, 0, "Without --seed: where to begin.");

namespace espalier::simulation {
namespace {

void Print(const std::string& line) { std::printf("%s\n", line.c_str()); }

int Replay(uint64_t seed) {
  Scenario scenario = MakeScenario(seed);
  const bool broken = !Simulate(scenario).violations.empty();
  if (broken && absl::GetFlag(FLAGS_shrink)) {
    scenario = Shrink(std::move(scenario), [](const Scenario& smaller) {
      return !Simulate(smaller).violations.empty();
    });
  }
  Print(Describe(scenario));
  const Outcome outcome = Simulate(scenario, Print);
  for (const std::string& violation : outcome.violations) {
    Print("BROKEN: " + violation);
  }
  if (!broken) Print("Every promise was kept.");
  return broken ? 1 : 0;
}

int RunMany(uint64_t first_seed, int64_t faults) {
  Campaign campaign(first_seed);
  campaign.Run(faults);
  Print(campaign.Report());
  if (!campaign.broken_seed().has_value()) return 0;
  Print(absl::StrCat("Its story: --seed=", *campaign.broken_seed()));
  return 1;
}

}  // namespace
}  // namespace espalier::simulation

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Runs the engine in random environments with random faults and random "
      "commands, in virtual time, and checks its promises after every step.\n\n"
      "  simulate --seed=N          tells the story of one simulation\n"
      "  simulate --faults=N        runs many, and counts");
  absl::ParseCommandLine(argc, argv);
  const int64_t seed = absl::GetFlag(FLAGS_seed);
  if (seed >= 0) {
    return espalier::simulation::Replay(static_cast<uint64_t>(seed));
  }
  return espalier::simulation::RunMany(
      static_cast<uint64_t>(absl::GetFlag(FLAGS_first_seed)),
      absl::GetFlag(FLAGS_faults));
}
