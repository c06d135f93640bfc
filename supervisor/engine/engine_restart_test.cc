// What comes after a run: another one, when, and how often.
#include <csignal>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/engine_harness.h"

namespace espalier {
namespace {

using enum ServiceState;
using testing::ElementsAre;
using testing::HasSubstr;

class EngineRestartTest : public testing::Test {
 protected:
  EngineHarness world_;
};

// --- BACKOFF, and the limit

TEST_F(EngineRestartTest, F30AnInstantCrashLoopIsFiveRunsThenFailed) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  while (world_.State(a) != kFailed) {
    ASSERT_LT(world_.CurrentGeneration(a), 10u);
    world_.TellSpawned(a);
    world_.End(a, ExitResult::Exited(1));
    world_.Advance(absl::Seconds(1));
  }
  EXPECT_EQ(world_.Count<Spawn>(a), 5);
  EXPECT_EQ(world_.Error(a),
            "a could not be kept running: it failed 5 times within 1m, the "
            "last time with: exit code 1");
  world_.Advance(absl::Hours(1));
  EXPECT_EQ(world_.Count<Spawn>(a), 5);
}

TEST_F(EngineRestartTest, PausesDouble) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  std::vector<absl::Duration> pauses;
  for (int i = 0; i < 4; ++i) {
    world_.End(a);
    pauses.push_back(world_.engine().Deadline(a) - world_.now());
    world_.Advance(pauses.back());
  }
  EXPECT_THAT(pauses,
              ElementsAre(absl::Milliseconds(100), absl::Milliseconds(200),
                          absl::Milliseconds(400), absl::Milliseconds(800)));
}

TEST(EngineSeedTest, TheSeedDecidesTheJitter) {
  const auto pause = [](uint64_t seed) {
    EngineHarness world({.seed = seed});
    // With the jitter that is the default.
    const ServiceId a = world.engine().AddService({.name = "a"}).value();
    world.Start(a);
    world.End(a);
    return world.engine().Deadline(a) - world.now();
  };
  EXPECT_EQ(pause(7), pause(7));
  EXPECT_NE(pause(7), pause(8));
  EXPECT_NE(pause(7), absl::Milliseconds(100));
}

TEST_F(EngineRestartTest, RestartsAtOnceWhatWasReadyForASecond) {
  const ServiceId a = world_.AddReady();
  world_.Advance(absl::Seconds(1));
  world_.End(a);
  EXPECT_THAT(world_.Path(a),
              ElementsAre(kDraining, kBackoff, kWaiting, kSpawning));
}

TEST_F(EngineRestartTest, PausesBeforeItRestartsWhatWasReadyForLess) {
  const ServiceId a = world_.AddReady();
  world_.Advance(absl::Milliseconds(999));
  world_.End(a);
  EXPECT_EQ(world_.State(a), kBackoff);
}

TEST_F(EngineRestartTest, F31ACrashJustAfterReadyIsBoundedToo) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  while (world_.State(a) != kFailed) {
    ASSERT_LT(world_.CurrentGeneration(a), 10u);
    world_.ComeUp(a);
    world_.Advance(absl::Seconds(2));
    world_.End(a);
  }
  EXPECT_EQ(world_.Count<Spawn>(a), 5);
}

TEST_F(EngineRestartTest, RareCrashesAreForgiven) {
  const ServiceId a = world_.AddReady();
  for (int i = 0; i < 100; ++i) {
    world_.Advance(absl::Seconds(15));
    world_.End(a);
    ASSERT_EQ(world_.State(a), kSpawning) << i;
    world_.ComeUp(a);
  }
}

TEST_F(EngineRestartTest, F34AStopDuringThePauseIsImmediate) {
  const ServiceId a = world_.AddReady();
  world_.End(a);
  ASSERT_EQ(world_.State(a), kBackoff);
  world_.StopService(a);
  EXPECT_EQ(world_.State(a), kInactive);
  world_.Advance(absl::Hours(1));
  EXPECT_EQ(world_.Count<Spawn>(a), 0);
}

TEST_F(EngineRestartTest, ARestartCutsThePauseShort) {
  const ServiceId a = world_.AddReady();
  world_.End(a);
  ASSERT_EQ(world_.State(a), kBackoff);
  world_.Restart(a);
  EXPECT_EQ(world_.State(a), kSpawning);
}

// --- DONE and FAILED

TEST_F(EngineRestartTest, F15ExitZeroUnderRestartOnFailureIsDone) {
  const ServiceId a =
      world_.AddReady({.restart = {.when = RestartWhen::kOnFailure}});
  world_.End(a, ExitResult::Exited(0));
  EXPECT_THAT(world_.Path(a), ElementsAre(kDraining, kDone));
}

TEST_F(EngineRestartTest, ExitZeroUnderAlwaysRunsAgain) {
  const ServiceId a = world_.AddReady();
  world_.End(a, ExitResult::Exited(0));
  EXPECT_EQ(world_.State(a), kBackoff);
}

TEST_F(EngineRestartTest, NeverMeansOneRun) {
  const ServiceId a =
      world_.AddReady({.restart = {.when = RestartWhen::kNever}});
  world_.End(a, ExitResult::Signaled(SIGKILL));
  EXPECT_EQ(world_.State(a), kFailed);
  EXPECT_EQ(world_.Error(a), "a failed: killed by SIGKILL");
}

TEST_F(EngineRestartTest, ExitCode125IsPermanent) {
  const ServiceId a = world_.AddReady();
  world_.End(a, ExitResult::Exited(125));
  EXPECT_EQ(world_.State(a), kFailed);
  EXPECT_THAT(world_.Error(a), HasSubstr("exit code 125"));
}

TEST_F(EngineRestartTest, AOneShotIsDoneWithExitZeroAndNeverProbed) {
  const ServiceId a = world_.Add({.one_shot = true});
  world_.Start(a);
  world_.TellSpawned(a);
  world_.TellReady(a);
  EXPECT_EQ(world_.State(a), kStarting);
  world_.End(a, ExitResult::Exited(0));
  EXPECT_EQ(world_.State(a), kDone);
  EXPECT_EQ(world_.Count<StartProbe>(a), 0);
}

TEST_F(EngineRestartTest, AOneShotThatIsDoneRunsAgainWhenItIsStarted) {
  const ServiceId job = world_.Add({.one_shot = true});
  world_.Start(job);
  world_.TellSpawned(job);
  world_.End(job, ExitResult::Exited(0));
  ASSERT_EQ(world_.State(job), kDone);
  world_.Start(job);
  EXPECT_EQ(world_.State(job), kSpawning);
}

TEST_F(EngineRestartTest, AOneShotThatFailsIsTriedAgain) {
  const ServiceId a = world_.Add({.one_shot = true});
  world_.Start(a);
  world_.TellSpawned(a);
  world_.End(a, ExitResult::Exited(1));
  EXPECT_EQ(world_.State(a), kBackoff);
}

// The environment ends when a service in its root group fails for good, so
// these are in a group of their own.
TEST_F(EngineRestartTest, FailedAndDoneAreLeftByStartAndReset) {
  const GroupId group = world_.AddGroup({.name = "g", .awaited = true});
  const ServiceId a = world_.Add({.group = group});
  const ServiceId b = world_.Add({.group = group, .one_shot = true});
  world_.Start(a);
  world_.Start(b);
  world_.End(b, ExitResult::Exited(0));
  world_.End(a, ExitResult::Exited(125));
  ASSERT_EQ(world_.State(a), kFailed);
  ASSERT_EQ(world_.State(b), kDone);
  world_.StopService(a);
  world_.StopService(b);
  EXPECT_EQ(world_.State(a), kFailed);
  EXPECT_EQ(world_.State(b), kDone);
  world_.Send(ResetRequested{a});
  world_.Send(ResetRequested{b});
  EXPECT_EQ(world_.State(a), kInactive);
  EXPECT_EQ(world_.State(b), kInactive);
  EXPECT_TRUE(world_.engine().Error(a).ok());
  world_.Start(a);
  EXPECT_EQ(world_.State(a), kSpawning);
  EXPECT_EQ(world_.engine().FailuresInWindow(a, world_.now()), 0);
}

}  // namespace
}  // namespace espalier
