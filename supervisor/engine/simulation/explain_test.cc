// What the engine tells a person, at every move of random environments.
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/service_state.h"
#include "supervisor/engine/simulation/scenario.h"
#include "supervisor/engine/simulation/simulation.h"

namespace espalier::simulation {
namespace {

// Whether it reads as a whole: nothing was left out at its end or in its
// middle.
bool IsWhole(const std::string& text) {
  return !text.empty() && text.back() != ' ' && text.back() != ':' &&
         !absl::StrContains(text, "  ") && !absl::StrContains(text, "inf") &&
         !absl::StrContains(text, "unknown");
}

TEST(ExplainSimulationTest, EveryStateIsExplained) {
  std::set<ServiceState> explained;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Simulate(
        MakeScenario(seed), nullptr,
        [&](const Changed& change, absl::Time now, const Engine& engine) {
          // A step may have made several moves; where it has led to counts.
          const ServiceId id = change.id;
          explained.insert(engine.State(id));
          const std::string why = engine.Explain(id, now);
          ASSERT_TRUE(IsWhole(why)) << why;
          ASSERT_TRUE(
              absl::StartsWith(why, absl::StrCat(engine.Spec(id).name, " ")))
              << why;
          const std::string next = engine.Next(id, now);
          ASSERT_TRUE(IsWhole(next)) << why << "\n" << next;
          // What ends by itself says when.
          if (engine.Deadline(id) != absl::InfiniteFuture()) {
            ASSERT_TRUE(absl::StrContains(next, " s")) << why << "\n" << next;
          }
          // What it waits for is named.
          for (const ServiceId need : engine.WaitsFor(id)) {
            ASSERT_FALSE(engine.Spec(need).name.empty());
            ASSERT_TRUE(absl::StrContains(next, "starts as soon as")) << next;
          }
        });
    ASSERT_FALSE(HasFatalFailure()) << seed;
  }
  EXPECT_THAT(explained, testing::UnorderedElementsAreArray(kAllServiceStates));
}

}  // namespace
}  // namespace espalier::simulation
