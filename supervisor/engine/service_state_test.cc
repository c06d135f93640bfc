#include "supervisor/engine/service_state.h"

#include <sstream>

#include "gtest/gtest.h"

namespace espalier {
namespace {

TEST(ServiceStateTest, EveryNameReadsBackAsItsState) {
  for (const ServiceState state : kAllServiceStates) {
    EXPECT_EQ(ParseServiceState(ServiceStateName(state)), state) << state;
  }
}

TEST(ServiceStateTest, OtherNamesAreNoState) {
  EXPECT_EQ(ParseServiceState(""), std::nullopt);
  EXPECT_EQ(ParseServiceState("ready"), std::nullopt);
  EXPECT_EQ(ParseServiceState("READY "), std::nullopt);
}

TEST(ServiceStateTest, PrintsItsName) {
  std::ostringstream out;
  out << ServiceState::kBackoff;
  EXPECT_EQ(out.str(), "BACKOFF");
}

struct Kinds {
  ServiceState state;
  bool satisfies;
  bool running;
  bool at_rest;
};

class StateKindsTest : public testing::TestWithParam<Kinds> {};

TEST_P(StateKindsTest, AreAsTold) {
  const Kinds& kinds = GetParam();
  EXPECT_EQ(Satisfies(kinds.state), kinds.satisfies) << kinds.state;
  EXPECT_EQ(IsRunning(kinds.state), kinds.running) << kinds.state;
  EXPECT_EQ(IsAtRest(kinds.state), kinds.at_rest) << kinds.state;
}

INSTANTIATE_TEST_SUITE_P(
    All, StateKindsTest,
    testing::Values(Kinds{ServiceState::kInactive, false, false, true},
                    Kinds{ServiceState::kWaiting, false, false, false},
                    Kinds{ServiceState::kBlocked, false, false, false},
                    Kinds{ServiceState::kSpawning, false, true, false},
                    Kinds{ServiceState::kStarting, false, true, false},
                    Kinds{ServiceState::kReady, true, true, false},
                    Kinds{ServiceState::kStopping, false, true, false},
                    Kinds{ServiceState::kKilling, false, true, false},
                    Kinds{ServiceState::kDraining, false, true, false},
                    Kinds{ServiceState::kBackoff, false, false, false},
                    Kinds{ServiceState::kStuck, false, false, true},
                    Kinds{ServiceState::kDone, true, false, true},
                    Kinds{ServiceState::kFailed, false, false, true}));

}  // namespace
}  // namespace espalier
