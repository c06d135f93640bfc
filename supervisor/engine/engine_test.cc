// One service at a time: every state, and every move out of it.
#include "supervisor/engine/engine.h"

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine_harness.h"

namespace espalier {
namespace {

using enum ServiceState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EngineTest : public testing::Test {
 protected:
  EngineHarness world_;
};

TEST_F(EngineTest, StartsAndStops) {
  const ServiceId a = world_.Add();
  EXPECT_EQ(world_.State(a), kInactive);
  world_.Start(a);
  EXPECT_EQ(world_.State(a), kSpawning);
  EXPECT_EQ(world_.Count<Spawn>(a), 1);
  world_.TellSpawned(a);
  EXPECT_EQ(world_.State(a), kStarting);
  EXPECT_EQ(world_.Count<StartProbe>(a), 1);
  EXPECT_EQ(world_.engine().Pid(a), 1000);
  world_.TellReady(a);
  EXPECT_EQ(world_.State(a), kReady);
  world_.StopService(a);
  EXPECT_EQ(world_.State(a), kStopping);
  EXPECT_EQ(world_.Count<StopProbe>(a), 1);
  ASSERT_EQ(world_.All<Stop>().size(), 1u);
  EXPECT_EQ(world_.All<Stop>()[0].signal, SIGTERM);
  EXPECT_EQ(world_.All<Stop>()[0].grace, absl::Seconds(10));
  world_.End(a, ExitResult::Exited(0));
  EXPECT_THAT(world_.Path(a),
              ElementsAre(kWaiting, kSpawning, kStarting, kReady, kStopping,
                          kDraining, kInactive));
  EXPECT_EQ(world_.engine().Pid(a), 0);
  EXPECT_EQ(world_.engine().NextTimer(), absl::InfiniteFuture());
}

TEST_F(EngineTest, RevisionsCountEveryMove) {
  const ServiceId a = world_.AddReady();
  EXPECT_EQ(world_.engine().revision(), 4u);
  world_.StopService(a);
  EXPECT_EQ(world_.All<Changed>()[0].revision, 5u);
}

// --- SPAWNING

TEST_F(EngineTest, F01APermanentSpawnErrorFailsAtOnceAndNamesTheStage) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  world_.TellSpawnFailed(a, ENOENT);
  EXPECT_EQ(world_.State(a), kFailed);
  EXPECT_EQ(world_.Error(a),
            "a cannot be started: execute /bin/x: No such file or directory");
  world_.Advance(absl::Hours(1));
  EXPECT_EQ(world_.Count<Spawn>(a), 1);
}

TEST_F(EngineTest, F03APassingSpawnErrorIsTriedAgainUncountedUntilTheTimeout) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  int tries = 0;
  while (world_.State(a) != kFailed) {
    ++tries;
    ASSERT_LT(tries, 1000);
    ASSERT_EQ(world_.State(a), kSpawning);
    world_.TellSpawnFailed(a, EAGAIN);
    EXPECT_EQ(world_.State(a), kBackoff);
    EXPECT_EQ(world_.engine().FailuresInWindow(a, world_.now()), 0);
    world_.Advance(absl::Seconds(1));
  }
  EXPECT_GT(tries, 50);
  EXPECT_THAT(world_.Error(a),
              HasSubstr("within 1m: execute /bin/x: Resource temp"));
  EXPECT_EQ(world_.now() - absl::UnixEpoch(), absl::Seconds(60));
}

TEST_F(EngineTest, TheStartTimeoutCutsAPauseShort) {
  const ServiceId a = world_.Add({.restart = {
                                      .max_runs = 2,
                                      .initial_delay = absl::Seconds(40),
                                      .max_delay = absl::Seconds(40),
                                  }});
  world_.Start(a);
  world_.TellSpawnFailed(a, EAGAIN);
  world_.Advance(absl::Seconds(40));
  world_.TellSpawnFailed(a, EAGAIN);
  world_.Advance(absl::Seconds(19));
  EXPECT_EQ(world_.State(a), kBackoff);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(world_.State(a), kFailed);
}

TEST_F(EngineTest, APassingSpawnErrorHeals) {
  for (const int error :
       {EAGAIN, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, ETXTBSY}) {
    const ServiceId a = world_.Add();
    world_.Start(a);
    world_.TellSpawnFailed(a, error);
    ASSERT_EQ(world_.State(a), kBackoff) << error;
    world_.Advance(absl::Milliseconds(100));
    world_.ComeUp(a);
    EXPECT_EQ(world_.State(a), kReady);
    EXPECT_EQ(world_.CurrentGeneration(a), 2u);
  }
}

TEST_F(EngineTest, F71WhatTheBackendTakesForPassingIsTriedAgainUncounted) {
  for (const int error : {ENOENT, ENOSPC, EDQUOT, EIO}) {
    const ServiceId a = world_.Add();
    world_.Start(a);
    world_.Send(SpawnFailed{.id = a,
                            .generation = world_.CurrentGeneration(a),
                            .error = error,
                            .stage = "opening the log file",
                            .passing = true});
    ASSERT_EQ(world_.State(a), kBackoff) << error;
    EXPECT_EQ(world_.engine().FailuresInWindow(a, world_.now()), 0);
    EXPECT_THAT(world_.engine().Explain(a, world_.now()),
                HasSubstr("could not be spawned for now: opening the log "
                          "file: "));
    world_.Advance(absl::Milliseconds(100));
    world_.ComeUp(a);
    EXPECT_EQ(world_.State(a), kReady);
  }
}

TEST_F(EngineTest, F02OtherSpawnErrorsArePermanent) {
  for (const int error : {0, E2BIG, EACCES, EINVAL, EIO, ELOOP, ENAMETOOLONG,
                          ENOENT, ENOEXEC, ENOTDIR, EPERM}) {
    EngineHarness world;
    const ServiceId a = world.Add();
    world.Start(a);
    world.TellSpawnFailed(a, error);
    EXPECT_EQ(world.State(a), kFailed) << error;
  }
}

TEST_F(EngineTest, F04AnExitMayComeBeforeTheAnswerToTheSpawn) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  world_.TellExited(a, ExitResult::Exited(3));
  EXPECT_EQ(world_.State(a), kDraining);
  world_.TellSpawned(a);
  EXPECT_EQ(world_.State(a), kDraining);
  world_.TellDrained(a);
  EXPECT_EQ(world_.State(a), kBackoff);
  EXPECT_EQ(world_.engine().LastExit(a), ExitResult::Exited(3));
}

TEST_F(EngineTest, F05ASpawnThatHangsTimesOut) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  world_.Advance(absl::Seconds(60));
  EXPECT_EQ(world_.State(a), kStopping);
  EXPECT_EQ(world_.Count<Stop>(a), 1);
  world_.TellSpawnFailed(a, EIO);
  EXPECT_EQ(world_.State(a), kFailed);
}

TEST_F(EngineTest, AStopWhileSpawningEndsWhenTheSpawnIsAnswered) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  world_.StopService(a);
  EXPECT_EQ(world_.State(a), kStopping);
  EXPECT_EQ(world_.Count<Stop>(a), 1);
  world_.TellSpawned(a);
  EXPECT_EQ(world_.State(a), kStopping);
  EXPECT_EQ(world_.Count<StartProbe>(a), 0);
  world_.End(a, ExitResult::Signaled(SIGTERM));
  EXPECT_EQ(world_.State(a), kInactive);
}

TEST_F(EngineTest, AStopWhileSpawningEndsWhenTheSpawnFails) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  world_.StopService(a);
  world_.TellSpawnFailed(a, ENOENT);
  EXPECT_EQ(world_.State(a), kInactive);
}

// --- STARTING

TEST_F(EngineTest, AStartThatTimesOutFailsWithTheLastComplaint) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  world_.TellSpawned(a);
  world_.TellProbeFailed(a, "nothing listens on port 4711");
  world_.Advance(absl::Seconds(59));
  EXPECT_EQ(world_.State(a), kStarting);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(world_.State(a), kStopping);
  world_.End(a, ExitResult::Signaled(SIGTERM));
  EXPECT_EQ(world_.State(a), kFailed);
  EXPECT_EQ(world_.Error(a),
            "a did not become ready within 1m: nothing listens on port 4711");
  EXPECT_EQ(world_.engine().Error(a).code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(EngineTest, TheStartTimeoutGoesOnOverFailedRuns) {
  const ServiceId a = world_.Add(
      {.restart = {.max_runs = 30}, .start_timeout = absl::Seconds(10)});
  world_.Start(a);
  for (int i = 0; i < 3; ++i) {
    world_.TellSpawned(a);
    world_.Advance(absl::Seconds(3));
    world_.End(a);
    if (i < 2) world_.Advance(absl::Milliseconds(200));
  }
  // The third run ended at 9.4 s at the latest; the pause is cut short.
  world_.Advance(absl::Milliseconds(900));
  if (world_.State(a) == kSpawning) world_.TellSpawned(a);
  world_.Advance(absl::Seconds(1));
  if (world_.State(a) == kStopping) world_.End(a);
  EXPECT_EQ(world_.State(a), kFailed);
  EXPECT_THAT(world_.Error(a), HasSubstr("did not become ready within 10s"));
}

TEST_F(EngineTest, BeingReadyEndsTheStartTimeout) {
  const ServiceId a = world_.AddReady();
  world_.Advance(absl::Hours(10));
  EXPECT_EQ(world_.State(a), kReady);
}

TEST_F(EngineTest, F40NewsOfAnEarlierGenerationIsDropped) {
  const ServiceId a = world_.Add();
  world_.Start(a);
  world_.TellSpawned(a);
  world_.End(a);
  world_.Advance(absl::Seconds(1));
  world_.TellSpawned(a);
  ASSERT_EQ(world_.CurrentGeneration(a), 2u);
  world_.Forget();
  world_.Send(BecameReady{a, 1});
  world_.Send(Exited{a, 1, ExitResult::Exited(1)});
  world_.Send(Drained{a, 1});
  world_.Send(SpawnFailed{a, 1, ENOENT, "x"});
  world_.Send(ProbeFailed{a, 1, "x"});
  world_.Send(BecameReady{a, 3});
  EXPECT_THAT(world_.actions(), IsEmpty());
  EXPECT_EQ(world_.State(a), kStarting);
}

// --- READY

TEST_F(EngineTest, AnExitKillsTheRestOfTheTree) {
  const ServiceId a = world_.AddReady();
  world_.TellExited(a, ExitResult::Exited(1));
  EXPECT_EQ(world_.State(a), kDraining);
  EXPECT_EQ(world_.Count<Kill>(a), 1);
  EXPECT_EQ(world_.Count<StopProbe>(a), 1);
  EXPECT_EQ(world_.Count<Spawn>(a), 0);
}

TEST_F(EngineTest, AnEmptyTreeMayBeReportedBeforeTheExit) {
  const ServiceId a = world_.AddReady();
  world_.TellDrained(a);
  EXPECT_EQ(world_.State(a), kReady);
  world_.TellExited(a, ExitResult::Exited(1));
  EXPECT_EQ(world_.Count<Kill>(a), 0);
  EXPECT_EQ(world_.State(a), kBackoff);
}

TEST_F(EngineTest, LostLivenessIsAFailureWhateverTheExitCode) {
  const ServiceId a =
      world_.AddReady({.restart = {.when = RestartWhen::kOnFailure}});
  world_.TellLivenessLost(a, "no answer for 10s");
  EXPECT_EQ(world_.State(a), kStopping);
  world_.End(a, ExitResult::Exited(0));
  EXPECT_EQ(world_.State(a), kBackoff);
  EXPECT_EQ(world_.engine().FailuresInWindow(a, world_.now()), 1);
}

TEST_F(EngineTest, ARestartIsNotAFailure) {
  const ServiceId a = world_.AddReady();
  for (int i = 0; i < 20; ++i) {
    world_.Restart(a);
    EXPECT_EQ(world_.State(a), kStopping);
    world_.End(a, ExitResult::Signaled(SIGTERM));
    EXPECT_EQ(world_.State(a), kSpawning);
    world_.ComeUp(a);
  }
  EXPECT_EQ(world_.engine().FailuresInWindow(a, world_.now()), 0);
  EXPECT_EQ(world_.CurrentGeneration(a), 21u);
}

// --- STOPPING, KILLING, DRAINING, STUCK

TEST_F(EngineTest, F23AStopWaitsForTheWholeTree) {
  const ServiceId a = world_.AddReady();
  world_.StopService(a);
  world_.TellExited(a, ExitResult::Signaled(SIGTERM));
  EXPECT_EQ(world_.State(a), kStopping);
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(world_.State(a), kKilling);
  EXPECT_EQ(world_.Count<Kill>(a), 1);
  world_.TellDrained(a);
  EXPECT_EQ(world_.State(a), kInactive);
}

TEST_F(EngineTest, ATreeMayBeEmptyBeforeTheMainProcessIsReaped) {
  const ServiceId a = world_.AddReady();
  world_.StopService(a);
  world_.TellDrained(a);
  EXPECT_EQ(world_.State(a), kStopping);
  world_.TellExited(a, ExitResult::Exited(0));
  EXPECT_EQ(world_.State(a), kInactive);
}

TEST_F(EngineTest, F22WhatCannotBeKilledIsStuckAndItsLateDeathIsAbsorbed) {
  const ServiceId a = world_.AddReady();
  world_.StopService(a);
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(world_.State(a), kKilling);
  world_.Advance(absl::Seconds(15));
  EXPECT_EQ(world_.State(a), kStuck);
  EXPECT_FALSE(world_.engine().Error(a).ok());
  world_.Start(a);
  world_.Advance(absl::Hours(1));
  EXPECT_EQ(world_.State(a), kStuck);
  EXPECT_EQ(world_.Count<Spawn>(a), 0);
  world_.TellExited(a, ExitResult::Signaled(SIGKILL));
  EXPECT_EQ(world_.State(a), kDraining);
  world_.TellDrained(a);
  EXPECT_EQ(world_.State(a), kSpawning);
}

TEST_F(EngineTest, LeftoversThatCannotBeKilledAreStuck) {
  const ServiceId a = world_.AddReady();
  world_.Advance(absl::Seconds(1));
  world_.TellExited(a, ExitResult::Exited(1));
  world_.Advance(absl::Seconds(15));
  EXPECT_EQ(world_.State(a), kStuck);
  world_.TellDrained(a);
  EXPECT_THAT(world_.Path(a), ElementsAre(kDraining, kStuck, kDraining,
                                          kBackoff, kWaiting, kSpawning));
}

TEST_F(EngineTest, F35TheLastOfSeveralRequestsWins) {
  const ServiceId a = world_.AddReady();
  world_.StopService(a);
  world_.Start(a);
  world_.StopService(a);
  world_.Restart(a);
  world_.End(a);
  EXPECT_EQ(world_.State(a), kSpawning);
  world_.ComeUp(a);
  world_.Restart(a);
  world_.Start(a);
  world_.StopService(a);
  world_.End(a);
  EXPECT_EQ(world_.State(a), kInactive);
}

TEST_F(EngineTest, AStopOfAKilledProcessStillStops) {
  const ServiceId a = world_.AddReady();
  world_.Restart(a);
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(world_.State(a), kKilling);
  world_.StopService(a);
  world_.End(a);
  EXPECT_EQ(world_.State(a), kInactive);
}

// --- External services

TEST_F(EngineTest, AnExternalServiceIsOnlyProbed) {
  const ServiceId a = world_.Add({.external = true});
  world_.Start(a);
  EXPECT_EQ(world_.State(a), kStarting);
  world_.TellReady(a);
  EXPECT_EQ(world_.State(a), kReady);
  world_.StopService(a);
  EXPECT_EQ(world_.State(a), kInactive);
  EXPECT_EQ(world_.Count<StartProbe>(a), 1);
  EXPECT_EQ(world_.Count<StopProbe>(a), 1);
  EXPECT_THAT(world_.All<Spawn>(), IsEmpty());
  EXPECT_THAT(world_.All<Stop>(), IsEmpty());
  EXPECT_THAT(world_.All<Kill>(), IsEmpty());
}

TEST_F(EngineTest, AnExternalServiceThatIsLostIsProbedAgain) {
  const ServiceId a = world_.AddReady({.external = true});
  world_.TellLivenessLost(a, "connection refused");
  EXPECT_EQ(world_.State(a), kBackoff);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(world_.State(a), kStarting);
  world_.Advance(absl::Seconds(60));
  EXPECT_EQ(world_.State(a), kFailed);
}

// --- What is refused

TEST_F(EngineTest, RefusesSpecsThatMakeNoSense) {
  Engine& engine = world_.engine();
  const auto code = [&](ServiceSpec spec) {
    return engine.AddService(std::move(spec)).status().code();
  };
  ASSERT_TRUE(engine.AddService({.name = "a"}).ok());
  EXPECT_EQ(code({.name = "a"}), absl::StatusCode::kAlreadyExists);
  const absl::StatusCode invalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(code({.name = "b", .needs = {ServiceId{1}}}), invalid);
  EXPECT_EQ(code({.name = "b", .group = GroupId{9}}), invalid);
  EXPECT_EQ(code({.name = "b", .restart = {.max_runs = 0}}), invalid);
  EXPECT_EQ(code({.name = "b", .stop = {.signal = -1}}), invalid);
  EXPECT_EQ(code({.name = "b", .start_timeout = absl::ZeroDuration()}),
            invalid);
  EXPECT_EQ(code({.name = "b", .one_shot = true, .external = true}), invalid);
  EXPECT_TRUE(engine.AddService({.name = "b"}).ok());
}

}  // namespace
}  // namespace espalier
