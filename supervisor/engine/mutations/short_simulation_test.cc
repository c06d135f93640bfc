#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/engine/simulation/campaign.h"

namespace espalier::simulation {
namespace {

TEST(ShortSimulationTest, KeepsEveryPromise) {
  Campaign campaign(0);
  campaign.Run(5'000);
  EXPECT_THAT(campaign.total().violations, testing::IsEmpty());
}

}  // namespace
}  // namespace espalier::simulation
