// Services that do not answer, and machines that are short of something.
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/engine_harness.h"

namespace espalier {
namespace {

using enum ServiceState;
using testing::HasSubstr;

class EnginePressureTest : public testing::Test {
 protected:
  void Press() { world_.Send(PressureChanged{0.9}); }
  void Relieve() { world_.Send(PressureChanged{0.1}); }
  void FailProbe(ServiceId id) { world_.TellProbeFailed(id, "no answer"); }
  void PassProbe(ServiceId id) {
    world_.Send(ProbePassed{id, world_.CurrentGeneration(id)});
  }
  int CountIn(ServiceState state, const std::vector<ServiceId>& ids) const {
    int count = 0;
    for (const ServiceId id : ids) count += world_.State(id) == state;
    return count;
  }

  EngineHarness world_;
};

TEST_F(EnginePressureTest, SomeFailedProbesInARowAreTooMany) {
  const ServiceId a = world_.AddReady({.liveness_failures = 2});
  FailProbe(a);
  PassProbe(a);
  FailProbe(a);
  EXPECT_EQ(world_.State(a), kReady);
  FailProbe(a);
  EXPECT_EQ(world_.State(a), kStopping);
  world_.End(a);
  EXPECT_THAT(world_.engine().Explain(a, world_.now()),
              HasSubstr("it did not answer any more: no answer"));
}

TEST_F(EnginePressureTest, ANewRunIsInnocent) {
  const ServiceId a = world_.AddReady({.liveness_failures = 2});
  FailProbe(a);
  world_.End(a);
  world_.Advance(absl::Seconds(1));
  world_.ComeUp(a);
  FailProbe(a);
  EXPECT_EQ(world_.State(a), kReady);
}

TEST_F(EnginePressureTest, AStarvedMachineDoesNotKillEverythingAtOnce) {
  std::vector<ServiceId> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(world_.AddReady());
  Press();
  for (const ServiceId id : ids) world_.TellLivenessLost(id);
  EXPECT_EQ(CountIn(kStopping, ids), 1);
  EXPECT_THAT(world_.engine().Explain(ids[5], world_.now()),
              HasSubstr("given time"));
  world_.Advance(absl::Milliseconds(9999));
  EXPECT_EQ(CountIn(kReady, ids), 9);
  world_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(CountIn(kReady, ids), 8);
}

TEST_F(EnginePressureTest, WhatWasSparedAndStoppedLaterRunsAgain) {
  const ServiceId a = world_.AddReady();
  const ServiceId b = world_.AddReady();
  Press();
  world_.TellLivenessLost(a);
  world_.TellLivenessLost(b);
  world_.Advance(kPauseUnderPressure);
  ASSERT_EQ(world_.State(b), kStopping);
  world_.End(b);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(world_.State(b), kSpawning);
}

TEST_F(EnginePressureTest, WhatAnswersAgainIsForgiven) {
  const ServiceId a = world_.AddReady();
  const ServiceId b = world_.AddReady();
  Press();
  world_.TellLivenessLost(a);
  world_.TellLivenessLost(b);
  ASSERT_EQ(world_.State(b), kReady);
  PassProbe(b);
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(world_.State(b), kReady);
}

TEST_F(EnginePressureTest, WhenThePressureHasGoneProbesCountAnew) {
  const ServiceId a = world_.AddReady();
  const ServiceId b = world_.AddReady();
  Press();
  world_.TellLivenessLost(a);
  world_.TellLivenessLost(b);
  Relieve();
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(world_.State(b), kReady);
  world_.TellLivenessLost(b);
  EXPECT_EQ(world_.State(b), kStopping);
}

TEST_F(EnginePressureTest, AStartThatIsSlowOnAStarvedMachineIsGivenTime) {
  const ServiceId a = world_.Add();
  const ServiceId b = world_.Add();
  for (const ServiceId id : {a, b}) {
    world_.Start(id);
    world_.TellSpawned(id);
  }
  Press();
  world_.Advance(kDefaultStartTimeout);
  EXPECT_EQ(world_.State(a), kStopping);
  EXPECT_EQ(world_.State(b), kStarting);
  world_.TellReady(b);
  world_.Advance(absl::Minutes(5));
  EXPECT_EQ(world_.State(b), kReady);
}

TEST_F(EnginePressureTest, ASparedStartHasItsTimeAnewWhenThePressureHasGone) {
  const ServiceId a = world_.Add();
  const ServiceId b = world_.Add();
  for (const ServiceId id : {a, b}) {
    world_.Send(StartRequested{.id = id, .awaited = true});
    world_.TellSpawned(id);
  }
  Press();
  world_.Advance(kDefaultStartTimeout);
  Relieve();
  world_.Advance(kPauseUnderPressure + kDefaultStartTimeout -
                 absl::Milliseconds(1));
  EXPECT_EQ(world_.State(b), kStarting);
  world_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(world_.State(b), kStopping);
}

TEST_F(EnginePressureTest, FewStartAtATimeUnderPressure) {
  Press();
  std::vector<ServiceId> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(world_.Add());
    world_.Start(ids.back());
  }
  EXPECT_EQ(world_.engine().starting_count(), kMaxStartingUnderPressure);
  EXPECT_THAT(world_.engine().Explain(ids[5], world_.now()),
              HasSubstr("short of something"));
  Relieve();
  EXPECT_EQ(world_.engine().starting_count(), 10);
}

TEST_F(EnginePressureTest, PressureHasToFallWellBelowWhereItBegan) {
  world_.Send(PressureChanged{kHighPressure});
  world_.Send(PressureChanged{kLowPressure});
  for (int i = 0; i < 3; ++i) world_.Start(world_.Add());
  EXPECT_EQ(world_.engine().starting_count(), kMaxStartingUnderPressure);
}

}  // namespace
}  // namespace espalier
