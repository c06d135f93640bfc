// Requests that come while others are still being carried out: the last one
// wins, in order, and everybody who waits is answered.
#include <cerrno>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/engine_harness.h"

namespace espalier {
namespace {

using enum ServiceState;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// b needs a.
class EngineRequestsTest : public testing::Test {
 protected:
  void BringUp(ServiceId id) {
    world_.Start(id);
    world_.ComeUp(id);
    ASSERT_EQ(world_.State(id), kReady);
  }

  EngineHarness world_;
  const ServiceId a_ = world_.Add({.start_timeout = absl::Seconds(3)});
  const ServiceId b_ = world_.Add({.needs = {a_}});
};

// --- The start timeout

TEST_F(EngineRequestsTest, WaitingForItsTurnDoesNotBeginTheStartAnew) {
  world_.Send(MaxStartingChanged{1});
  const ServiceId other = world_.Add({.start_timeout = absl::Hours(1)});
  world_.Start(a_);
  // Every time that a tries again, somebody else is starting.
  for (int i = 0; i < 50 && world_.State(a_) != kFailed; ++i) {
    world_.TellSpawnFailed(a_, EAGAIN);
    world_.Send(StartRequested{.id = other, .awaited = true});
    world_.Advance(absl::Seconds(1));
    world_.End(other, ExitResult::Exited(125));
    world_.Advance(absl::Milliseconds(100));
  }
  EXPECT_EQ(world_.State(a_), kFailed);
  EXPECT_THAT(world_.Error(a_), HasSubstr("did not become ready within 3s"));
}

TEST_F(EngineRequestsTest, WhatWaitsForItsTurnKeepsTheRestOfItsTime) {
  world_.Send(MaxStartingChanged{1});
  const ServiceId other = world_.Add();
  world_.Start(a_);
  world_.Advance(absl::Seconds(1));
  world_.TellSpawnFailed(a_, EAGAIN);
  world_.Start(other);
  world_.Advance(absl::Seconds(50));
  ASSERT_EQ(world_.State(a_), kWaiting);
  world_.ComeUp(other);
  ASSERT_EQ(world_.State(a_), kSpawning);
  const absl::Duration left = world_.engine().Deadline(a_) - world_.now();
  EXPECT_GT(left, absl::Seconds(1));
  EXPECT_LT(left, absl::Seconds(2));
}

// --- Many clients

// Brings everything that is under way to its end.
void ComeToRest(EngineHarness& world, ServiceId id) {
  while (IsRunning(world.State(id)) && world.State(id) != kReady) {
    if (world.State(id) == kSpawning) {
      world.ComeUp(id);
    } else {
      world.End(id);
    }
  }
}

TEST(EngineClientsTest, F35TheLastRequestOf50ClientsWins) {
  std::mt19937 dice(35);
  EngineHarness world;
  const ServiceId a = world.Add();
  for (int round = 0; round < 100; ++round) {
    bool wanted = false;
    for (int client = 0; client < 50; ++client) {
      const unsigned request = dice() % 3;
      wanted = request != 0;
      if (request == 0) world.StopService(a);
      if (request == 1) world.Start(a);
      if (request == 2) world.Restart(a);
      // What was asked for before gets so far, or further.
      if (world.State(a) == kSpawning && dice() % 2 == 0) world.ComeUp(a);
      if (world.State(a) == kStopping && dice() % 2 == 0) world.End(a);
    }
    ComeToRest(world, a);
    ASSERT_EQ(world.State(a), wanted ? kReady : kInactive) << round;
  }
}

// --- Starts that meet a stop

TEST_F(EngineRequestsTest, ARestartOfWhatIsAboutToStopBeginsANewRecord) {
  BringUp(a_);
  BringUp(b_);
  world_.End(a_);
  world_.Advance(absl::Seconds(1));
  world_.ComeUp(a_);
  ASSERT_EQ(world_.engine().FailuresInWindow(a_, world_.now()), 1);
  world_.StopService(a_);
  ASSERT_TRUE(world_.engine().IsStopPending(a_));
  world_.Restart(a_);
  EXPECT_TRUE(world_.engine().IsStopPending(a_));
  EXPECT_EQ(world_.engine().FailuresInWindow(a_, world_.now()), 0);
}

TEST_F(EngineRequestsTest, WhatStaysUpAfterAllNeedsNothingOfItsStartAnyMore) {
  const ServiceId c = world_.Add();
  const ServiceId d = world_.Add({.needs = {a_}, .start_needs = {c}});
  const ServiceId e = world_.Add({.needs = {d}});
  for (const ServiceId id : {a_, c, d, e}) BringUp(id);
  world_.StopService(d);
  world_.Restart(a_);
  world_.Start(d);  // It has to go down with a.
  world_.StopService(a_);
  world_.Start(d);  // Now neither has to.
  ASSERT_FALSE(world_.engine().IsStopPending(d));
  world_.StopService(c);
  EXPECT_EQ(world_.State(d), kReady);
  EXPECT_FALSE(world_.engine().IsStopPending(d));
}

TEST_F(EngineRequestsTest, AStartWhileATimedOutRunStopsIsANewStart) {
  world_.Start(a_);
  world_.TellSpawned(a_);
  world_.Advance(absl::Seconds(3));
  ASSERT_EQ(world_.State(a_), kStopping);
  world_.Start(a_);
  world_.End(a_);
  world_.Advance(absl::ZeroDuration());
  EXPECT_EQ(world_.State(a_), kSpawning);
  EXPECT_THAT(world_.All<GaveUp>(), IsEmpty());
}

TEST_F(EngineRequestsTest, AStartThatWaitsForAStopIsAFreshOne) {
  const GroupId group =
      world_.AddGroup({.name = "group", .strategy = Strategy::kDependents});
  const ServiceId base = world_.Add({.group = group});
  const ServiceId middle = world_.Add({.group = group, .needs = {base}});
  const ServiceId at_start = world_.Add();
  const ServiceId top =
      world_.Add({.needs = {middle}, .start_needs = {at_start}});
  const ServiceId last = world_.Add({.needs = {top}});
  for (const ServiceId id : {base, middle, at_start, top, last}) BringUp(id);
  world_.End(base);
  world_.StopService(at_start);
  world_.End(at_start);
  world_.StopService(top);
  // It is still up, because of `last`, and has to go down with `middle`.
  ASSERT_EQ(world_.State(top), kReady);
  world_.Send(StartRequested{.id = top, .awaited = true});
  ASSERT_EQ(world_.State(at_start), kSpawning);
  for (const ServiceId id : {last, top, middle}) world_.End(id);
  for (const ServiceId id : {base, middle}) {
    world_.Advance(absl::Seconds(1));
    world_.ComeUp(id);
  }
  // Somebody has started it anew, so what it needs at its start counts.
  EXPECT_EQ(world_.State(top), kWaiting);
  world_.ComeUp(at_start);
  EXPECT_EQ(world_.State(top), kSpawning);
}

TEST_F(EngineRequestsTest, AnAwaitedStartIsRefusedWhileWhatItNeedsIsClosed) {
  const GroupId group = world_.AddGroup({.name = "group"});
  const ServiceId c = world_.Add({.group = group});
  const ServiceId d = world_.Add({.group = group});
  const ServiceId e = world_.Add({.needs = {c}});
  BringUp(d);
  world_.Send(StopGroupRequested{group});
  world_.Send(StartRequested{.id = e, .awaited = true});
  // At rest, so whoever awaits it is told; otherwise e would wait for ever.
  EXPECT_EQ(world_.State(e), kInactive);
  world_.End(d);
  world_.Start(e);
  EXPECT_EQ(world_.State(c), kSpawning);
}

TEST_F(EngineRequestsTest, AStopTakesBackTheStartsThatWaitForIt) {
  const ServiceId c = world_.Add({.start_needs = {a_}});
  world_.Send(StartRequested{.id = c, .awaited = true});
  ASSERT_EQ(world_.State(c), kWaiting);
  world_.StopService(a_);
  world_.TellSpawned(a_);
  EXPECT_EQ(world_.State(c), kInactive);
}

// --- Order

TEST_F(EngineRequestsTest, ARestartComesAfterThoseThatGoDown) {
  BringUp(a_);
  BringUp(b_);
  world_.StopService(a_);
  ASSERT_EQ(world_.State(b_), kStopping);
  world_.Restart(a_);
  EXPECT_EQ(world_.State(a_), kReady);
  world_.End(b_);
  EXPECT_EQ(world_.State(a_), kStopping);
  world_.End(a_);
  world_.Advance(absl::ZeroDuration());
  EXPECT_EQ(world_.State(a_), kSpawning);
}

TEST_F(EngineRequestsTest, AStopWinsOverARestartThatStillWaits) {
  BringUp(a_);
  BringUp(b_);
  world_.StopService(b_);
  world_.Restart(a_);
  world_.StopService(a_);
  world_.End(b_);
  world_.End(a_);
  EXPECT_EQ(world_.State(a_), kInactive);
}

// --- Spawns

TEST_F(EngineRequestsTest, AGoodSpawnForgetsTheBadOnesBeforeIt) {
  const ServiceId c = world_.Add();
  world_.Start(c);
  for (int i = 0; i < 3; ++i) {
    world_.TellSpawnFailed(c, EAGAIN);
    world_.Advance(absl::Seconds(1));
  }
  world_.TellSpawned(c);
  world_.End(c);
  world_.Advance(absl::Seconds(1));
  world_.TellSpawnFailed(c, EAGAIN);
  EXPECT_EQ(world_.engine().Deadline(c) - world_.now(),
            absl::Milliseconds(100));
}

// --- Groups and the end

TEST_F(EngineRequestsTest, AnAwaitedStartDoesNotHideTheLimitOfItsGroup) {
  const GroupId group = world_.AddGroup({.name = "group",
                                         .strategy = Strategy::kOneForAll,
                                         .restart = {.max_runs = 1}});
  const ServiceId c = world_.Add({.group = group});
  const ServiceId d = world_.Add({.group = group});
  BringUp(c);
  world_.Send(StartRequested{.id = d, .awaited = true});
  world_.End(d);
  EXPECT_EQ(world_.State(d), kFailed);
  EXPECT_THAT(world_.Error(d), HasSubstr("it failed 1 time within"));
  EXPECT_EQ(world_.State(c), kStopping);
  EXPECT_THAT(world_.All<GaveUp>(), SizeIs(2));
}

TEST_F(EngineRequestsTest, TheFirstReasonToEndIsTheOneThatIsTold) {
  BringUp(a_);
  BringUp(b_);
  world_.End(b_, ExitResult::Exited(125));
  world_.Send(KeeperLost{});
  ASSERT_THAT(world_.All<GroupStopped>(), SizeIs(1));
  EXPECT_THAT(world_.All<GroupStopped>()[0].status.message(),
              HasSubstr("exit code 125"));
}

TEST_F(EngineRequestsTest, TheEndIsToldOnce) {
  BringUp(a_);
  world_.Send(StopAll{});
  world_.End(a_);
  world_.Send(KeeperLost{});
  world_.Send(KillAll{});
  world_.Send(StopAll{});
  world_.Send(StopGroupRequested{kRootGroup});
  ASSERT_THAT(world_.All<GroupStopped>(), SizeIs(1));
  EXPECT_TRUE(world_.engine().Error(kRootGroup).ok());
}

}  // namespace
}  // namespace espalier
