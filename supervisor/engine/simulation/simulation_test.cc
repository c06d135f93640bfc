#include "supervisor/engine/simulation/simulation.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/engine/simulation/campaign.h"
#include "supervisor/engine/simulation/scenario.h"
#include "supervisor/engine/simulation/story.h"

namespace espalier::simulation {
namespace {

using testing::IsEmpty;

// What CI runs. --seed=N of //supervisor/engine/simulation:simulate tells the
// story of a seed that failed.
TEST(SimulationTest, KeepsEveryPromiseThrough100000Faults) {
  Campaign campaign(0);
  campaign.Run(100'000);
  EXPECT_THAT(campaign.total().violations, IsEmpty()) << campaign.Report();
  EXPECT_THAT(campaign.RareFaults(), IsEmpty()) << campaign.Report();
  EXPECT_THAT(campaign.total().coverage.Missing(), IsEmpty());
  EXPECT_THAT(campaign.total().coverage.Unexpected(), IsEmpty());
  EXPECT_GT(campaign.total().bodies.ups, 1000) << campaign.Report();
  EXPECT_GT(campaign.total().bodies.taken_along, 500) << campaign.Report();
  EXPECT_GT(campaign.total().replaced, 5000) << campaign.Report();
}

TEST(ReplayTest, TheSameSeedTellsTheSameStory) {
  const auto tell = [](uint64_t seed) {
    std::vector<std::string> story;
    const Scenario scenario = MakeScenario(seed);
    story.push_back(Describe(scenario));
    Simulate(scenario, [&](const std::string& line) { story.push_back(line); });
    return story;
  };
  const std::vector<std::string> story = tell(7);
  EXPECT_GT(story.size(), 100u);
  EXPECT_EQ(story, tell(7));
  EXPECT_NE(story, tell(8));
}

}  // namespace
}  // namespace espalier::simulation
