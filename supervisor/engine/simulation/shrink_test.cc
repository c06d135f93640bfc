#include "supervisor/engine/simulation/shrink.h"

#include <algorithm>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/engine/simulation/scenario.h"

namespace espalier::simulation {
namespace {

// Broken by a crash of a service that needs another one.
bool Fails(const Scenario& scenario) {
  return std::any_of(
      scenario.acts.begin(), scenario.acts.end(), [&](const Act& act) {
        return act.kind == ActKind::kCrash &&
               !scenario.services[Index(act.service)].needs.empty();
      });
}

TEST(ShrinkTest, LeavesOnlyWhatItTakesToFail) {
  uint64_t seed = 0;
  Scenario scenario = MakeScenario(seed);
  while (!Fails(scenario) || scenario.services.size() < 20) {
    scenario = MakeScenario(++seed);
  }
  const Scenario least = Shrink(scenario, Fails);
  ASSERT_TRUE(Fails(least));
  EXPECT_EQ(least.acts.size(), 1u);
  EXPECT_EQ(least.acts[0].after, absl::ZeroDuration());
  EXPECT_EQ(least.services.size(), 2u);
  EXPECT_TRUE(least.groups.empty());
}

TEST(ShrinkTest, StopsAfterSoManyTrials) {
  int trials = 0;
  Shrink(
      MakeScenario(1),
      [&](const Scenario&) {
        ++trials;
        return true;
      },
      3);
  EXPECT_EQ(trials, 3);
}

}  // namespace
}  // namespace espalier::simulation
