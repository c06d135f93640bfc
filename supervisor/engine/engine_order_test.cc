// Services that need each other: who starts and stops when.
#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/engine_harness.h"

namespace espalier {
namespace {

using enum ServiceState;
using testing::ElementsAre;
using testing::IsEmpty;

// A chain: c needs b, b needs a; d needs nothing.
class EngineOrderTest : public testing::Test {
 protected:
  void StartAll() {
    for (const ServiceId id : {a_, b_, c_, d_}) world_.Start(id);
    for (const ServiceId id : {a_, b_, c_, d_}) world_.ComeUp(id);
    for (const ServiceId id : {a_, b_, c_, d_}) {
      ASSERT_EQ(world_.State(id), kReady);
    }
    world_.Forget();
  }

  std::vector<ServiceState> States() const {
    return {world_.State(a_), world_.State(b_), world_.State(c_),
            world_.State(d_)};
  }

  EngineHarness world_;
  const GroupId group_ = world_.AddGroup({.name = "group", .awaited = true});
  const ServiceId a_ = world_.Add({.group = group_});
  const ServiceId b_ = world_.Add({.group = group_, .needs = {a_}});
  const ServiceId c_ = world_.Add({.group = group_, .needs = {b_}});
  const ServiceId d_ = world_.Add({.group = group_});
};

TEST_F(EngineOrderTest, StartsInTheOrderOfNeedsAndTheRestAtOnce) {
  for (const ServiceId id : {c_, d_}) world_.Start(id);
  EXPECT_THAT(States(), ElementsAre(kSpawning, kWaiting, kWaiting, kSpawning));
  world_.TellSpawned(a_);
  EXPECT_EQ(world_.State(b_), kWaiting);
  world_.TellReady(a_);
  EXPECT_THAT(States(), ElementsAre(kReady, kSpawning, kWaiting, kSpawning));
  world_.ComeUp(b_);
  EXPECT_EQ(world_.State(c_), kSpawning);
}

TEST_F(EngineOrderTest, AOneShotThatIsDoneCountsAsReady) {
  const ServiceId once = world_.Add({.name = "once", .one_shot = true});
  const ServiceId after = world_.Add({.name = "after", .needs = {once}});
  world_.Start(after);
  EXPECT_EQ(world_.State(after), kWaiting);
  world_.End(once, ExitResult::Exited(0));
  EXPECT_EQ(world_.State(after), kSpawning);
}

TEST_F(EngineOrderTest, StopsAllInReverseOrderAndTheRestAtOnce) {
  StartAll();
  world_.Send(StopAll{});
  EXPECT_THAT(States(), ElementsAre(kReady, kReady, kStopping, kStopping));
  world_.End(c_);
  EXPECT_THAT(States(), ElementsAre(kReady, kStopping, kInactive, kStopping));
  world_.End(b_);
  world_.End(d_);
  EXPECT_EQ(world_.State(a_), kStopping);
  EXPECT_THAT(world_.All<GroupStopped>(), IsEmpty());
  world_.End(a_);
  EXPECT_THAT(States(),
              ElementsAre(kInactive, kInactive, kInactive, kInactive));
  ASSERT_EQ(world_.All<GroupStopped>().size(), 1u);
  EXPECT_EQ(world_.All<GroupStopped>()[0].group, kRootGroup);
  EXPECT_TRUE(world_.All<GroupStopped>()[0].status.ok());
}

TEST_F(EngineOrderTest, NothingStartsAfterStopAll) {
  world_.Send(StopAll{});
  EXPECT_EQ(world_.All<GroupStopped>().size(), 1u);
  world_.Start(d_);
  world_.Restart(d_);
  EXPECT_EQ(world_.State(d_), kInactive);
}

TEST_F(EngineOrderTest, F52AServiceThatOthersUseStopsAfterThem) {
  StartAll();
  EXPECT_THAT(world_.engine().LiveDependents(a_), ElementsAre(b_, c_));
  world_.StopService(a_);
  EXPECT_THAT(States(), ElementsAre(kReady, kReady, kStopping, kReady));
  world_.End(c_);
  world_.End(b_);
  world_.End(a_);
  EXPECT_THAT(States(), ElementsAre(kInactive, kInactive, kInactive, kReady));
  EXPECT_THAT(world_.engine().LiveDependents(a_), IsEmpty());
}

TEST_F(EngineOrderTest, AStartTakesBackAStopThatStillWaits) {
  StartAll();
  world_.StopService(a_);
  world_.Start(c_);
  EXPECT_THAT(States(), ElementsAre(kReady, kReady, kStopping, kReady));
  world_.End(c_);
  EXPECT_THAT(States(), ElementsAre(kReady, kReady, kSpawning, kReady));
}

TEST_F(EngineOrderTest, AStuckDependentHoldsNobodyUp) {
  StartAll();
  world_.Send(StopAll{});
  world_.End(d_);
  world_.Advance(absl::Seconds(25));
  EXPECT_EQ(world_.State(c_), kStuck);
  EXPECT_EQ(world_.State(b_), kStopping);
  world_.End(b_);
  world_.End(a_);
  ASSERT_EQ(world_.All<GroupStopped>().size(), 1u);
  EXPECT_EQ(world_.All<GroupStopped>()[0].status.message(),
            "could not be killed: c");
}

TEST_F(EngineOrderTest, ARestartLeavesDependentsUp) {
  StartAll();
  world_.Restart(a_);
  EXPECT_THAT(States(), ElementsAre(kStopping, kReady, kReady, kReady));
  world_.End(a_);
  world_.ComeUp(a_);
  EXPECT_THAT(States(), ElementsAre(kReady, kReady, kReady, kReady));
}

TEST_F(EngineOrderTest, ACrashLeavesDependentsUp) {
  StartAll();
  world_.End(a_);
  EXPECT_THAT(States(), ElementsAre(kBackoff, kReady, kReady, kReady));
}

TEST_F(EngineOrderTest, ADependentThatCrashedWaitsForWhatItNeeds) {
  StartAll();
  world_.End(a_);
  world_.Advance(absl::ZeroDuration());
  world_.End(b_);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(world_.State(a_), kSpawning);
  EXPECT_EQ(world_.State(b_), kWaiting);
  world_.ComeUp(a_);
  EXPECT_EQ(world_.State(b_), kSpawning);
}

TEST_F(EngineOrderTest, F50WhatWasBlockedStartsWhenItsNeedRecovers) {
  world_.Send(StartRequested{.id = a_, .awaited = true});
  world_.Start(b_);
  world_.TellSpawnFailed(a_, ENOENT);
  EXPECT_THAT(States(), ElementsAre(kFailed, kBlocked, kInactive, kInactive));
  world_.Send(ResetRequested{a_});
  EXPECT_EQ(world_.State(b_), kBlocked);
  world_.Start(a_);
  EXPECT_EQ(world_.State(b_), kBlocked);
  world_.ComeUp(a_);
  EXPECT_EQ(world_.State(b_), kSpawning);
}

TEST_F(EngineOrderTest, WhatIsBlockedAfterACrashStartsWhenItsNeedRecovers) {
  StartAll();
  world_.End(b_);
  world_.Send(RestartRequested{.id = a_});
  world_.End(a_);
  world_.Send(StartRequested{.id = a_, .awaited = true});
  world_.TellSpawnFailed(a_, ENOENT);
  world_.Advance(absl::Seconds(1));
  ASSERT_EQ(world_.State(a_), kFailed);
  ASSERT_EQ(world_.State(b_), kBlocked);
  world_.Start(a_);
  world_.ComeUp(a_);
  EXPECT_EQ(world_.State(b_), kSpawning);
}

TEST_F(EngineOrderTest, ABlockedServiceStopsAtOnce) {
  world_.Send(StartRequested{.id = a_, .awaited = true});
  world_.Start(b_);
  world_.TellSpawnFailed(a_, ENOENT);
  world_.StopService(b_);
  EXPECT_EQ(world_.State(b_), kInactive);
}

TEST_F(EngineOrderTest, F51ANeedThatCrashesWhileItsDependentStopsIsNoDeadlock) {
  StartAll();
  world_.StopService(a_);
  world_.End(c_);
  ASSERT_EQ(world_.State(b_), kStopping);
  world_.End(a_);
  EXPECT_EQ(world_.State(a_), kInactive);
  world_.End(b_);
  EXPECT_THAT(States(), ElementsAre(kInactive, kInactive, kInactive, kReady));
}

TEST_F(EngineOrderTest, AStartNeedCountsAtTheStartOnly) {
  const ServiceId e = world_.Add({.group = group_, .start_needs = {d_}});
  world_.Start(e);
  EXPECT_EQ(world_.State(e), kWaiting);
  world_.ComeUp(d_);
  world_.ComeUp(e);
  world_.StopService(d_);
  EXPECT_EQ(world_.State(d_), kStopping);
  EXPECT_EQ(world_.State(e), kReady);
  world_.End(d_);
  world_.Advance(absl::Seconds(2));
  world_.End(e);
  EXPECT_EQ(world_.State(e), kSpawning);
}

TEST_F(EngineOrderTest, AStartNeedThatHasFailedBlocksNoRestart) {
  const GroupId other = world_.AddGroup({.name = "other", .awaited = true});
  const ServiceId e = world_.Add({.group = other});
  const ServiceId f = world_.Add({.group = group_, .start_needs = {e}});
  world_.BringUp({e, f});
  world_.End(e, ExitResult::Exited(125));
  ASSERT_EQ(world_.State(e), kFailed);
  world_.Advance(absl::Seconds(2));
  world_.End(f);
  EXPECT_EQ(world_.State(f), kSpawning);
  world_.End(f, ExitResult::Exited(125));
  world_.Start(f);
  EXPECT_EQ(world_.State(f), kBlocked) << "now it counts";
}

TEST_F(EngineOrderTest, F24KillAllKillsAtOnceWithoutOrder) {
  StartAll();
  world_.Send(StopAll{});
  world_.Send(KillAll{});
  EXPECT_THAT(States(), ElementsAre(kKilling, kKilling, kKilling, kKilling));
  EXPECT_EQ(world_.All<Kill>().size(), 4u);
  for (const ServiceId id : {a_, b_, c_, d_}) world_.End(id);
  EXPECT_EQ(world_.All<GroupStopped>().size(), 1u);
}

TEST_F(EngineOrderTest, F67WhenTheKeeperIsGoneEverythingIsOver) {
  StartAll();
  world_.Send(KeeperLost{});
  EXPECT_THAT(States(),
              ElementsAre(kInactive, kInactive, kInactive, kInactive));
  EXPECT_EQ(world_.engine().LastExit(a_), ExitResult::Lost());
  ASSERT_EQ(world_.All<GroupStopped>().size(), 1u);
  EXPECT_EQ(world_.All<GroupStopped>()[0].status.code(),
            absl::StatusCode::kUnavailable);
  world_.Start(a_);
  EXPECT_EQ(world_.State(a_), kInactive);
}

TEST(EngineConcurrencyTest, F33StartsNoMoreThanAllowedAtATime) {
  EngineHarness world({.max_starting = 10});
  std::vector<ServiceId> ids;
  for (int i = 0; i < 500; ++i) {
    ids.push_back(world.Add({.name = std::to_string(i)}));
    world.Start(ids.back());
  }
  for (const ServiceId id : ids) {
    EXPECT_EQ(world.engine().starting_count(),
              std::min<int>(10, 500 - static_cast<int>(Index(id))));
    ASSERT_EQ(world.State(id), kSpawning);
    world.ComeUp(id);
  }
  for (const ServiceId id : ids) world.End(id, ExitResult::Exited(1));
  for (int i = 0; i < 100; ++i) {
    world.Advance(absl::Milliseconds(10));
    EXPECT_LE(world.engine().starting_count(), 10);
    for (const ServiceId id : ids) {
      if (world.State(id) == kSpawning) world.ComeUp(id);
    }
  }
  for (const ServiceId id : ids) EXPECT_EQ(world.State(id), kReady);
}

TEST(EngineConcurrencyTest, F33WhatFailsTogetherComesBackSpreadOut) {
  EngineHarness world({.seed = 7});
  std::vector<ServiceId> ids;
  for (int i = 0; i < 500; ++i) {
    // With the jitter that is the default.
    ids.push_back(
        world.engine().AddService({.name = std::to_string(i)}).value());
    world.Start(ids.back());
    world.ComeUp(ids.back());
  }
  for (const ServiceId id : ids) world.End(id);
  std::set<absl::Time> times;
  for (const ServiceId id : ids) times.insert(world.engine().Deadline(id));
  EXPECT_GT(times.size(), 490u);
  EXPECT_GE(*times.begin() - world.now(), absl::Milliseconds(75));
  EXPECT_LE(*times.rbegin() - world.now(), absl::Milliseconds(125));
  EXPECT_GT(*times.rbegin() - *times.begin(), absl::Milliseconds(40));
}

TEST(EngineConcurrencyTest, TheLimitMayChange) {
  EngineHarness world({.max_starting = 1});
  const ServiceId a = world.Add();
  const ServiceId b = world.Add();
  world.Start(a);
  world.Start(b);
  EXPECT_EQ(world.State(b), kWaiting);
  world.Send(MaxStartingChanged{2});
  EXPECT_EQ(world.State(b), kSpawning);
}

TEST(EngineScaleTest, TenThousandServicesOnOneStartAndStop) {
  EngineHarness world;
  const ServiceId base = world.Add({.name = "base"});
  std::vector<ServiceId> ids;
  for (int i = 0; i < 10'000; ++i) {
    ids.push_back(world.Add({.name = std::to_string(i), .needs = {base}}));
    world.Start(ids.back());
  }
  world.ComeUp(base);
  for (const ServiceId id : ids) world.ComeUp(id);
  world.Send(StopAll{});
  for (const ServiceId id : ids) world.End(id);
  EXPECT_EQ(world.State(base), kStopping);
  world.End(base);
  EXPECT_EQ(world.All<GroupStopped>().size(), 1u);
}

}  // namespace
}  // namespace espalier
