// Escalation, and what one service does to the others of its group.
#include <cerrno>
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
using testing::HasSubstr;
using testing::IsEmpty;

const ExitResult kPermanent = ExitResult::Exited(125);

TEST(EscalationTest, AServiceThatFailsForGoodEndsTheEnvironment) {
  EngineHarness world;
  const ServiceId a = world.Add();
  const ServiceId b = world.Add({.needs = {a}});
  const ServiceId c = world.Add({.needs = {a, b}});
  world.BringUp({a, b, c});
  world.End(b, kPermanent);
  ASSERT_EQ(world.All<GaveUp>().size(), 1u);
  EXPECT_EQ(world.All<GaveUp>()[0].group, kRootGroup);
  EXPECT_EQ(world.All<GaveUp>()[0].culprit, b);
  EXPECT_EQ(world.State(a), kReady);
  EXPECT_EQ(world.State(c), kStopping);
  world.End(c);
  EXPECT_EQ(world.State(a), kStopping);
  world.End(a);
  ASSERT_EQ(world.All<GroupStopped>().size(), 1u);
  EXPECT_THAT(world.All<GroupStopped>()[0].status.message(),
              HasSubstr("b ended with exit code 125"));
  EXPECT_TRUE(world.engine().IsClosed(kRootGroup));
}

TEST(EscalationTest, EveryServiceThatDiedAtThatTimeIsReported) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group"});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add();
  const ServiceId c = world.Add();
  const ServiceId d = world.Add();
  world.BringUp({a, b, c, d});
  world.StopService(d);
  for (const ServiceId id : {a, b, c, d}) {
    world.TellExited(id, ExitResult::Exited(id == a ? 125 : 7));
  }
  world.TellDrained(c);
  world.TellDrained(a);
  ASSERT_EQ(world.All<GaveUp>().size(), 2u);
  for (const GaveUp& news : world.All<GaveUp>()) {
    // c has been judged and d was to stop.
    EXPECT_THAT(news.error.message(),
                testing::AllOf(HasSubstr("a ended with exit code 125"),
                               testing::EndsWith("\nand: b: exit code 7")));
  }
  // What is said of the service itself is its own.
  EXPECT_THAT(world.Error(a), testing::Not(HasSubstr("b")));
}

TEST(EscalationTest, AnAwaitedStartReportsItsFailureAndNothingElse) {
  EngineHarness world;
  const ServiceId a = world.Add();
  const ServiceId b = world.Add();
  world.BringUp({a});
  world.Send(StartRequested{.id = b, .awaited = true});
  world.TellSpawnFailed(b, ENOENT);
  EXPECT_EQ(world.State(b), kFailed);
  EXPECT_THAT(world.All<GaveUp>(), IsEmpty());
  EXPECT_EQ(world.State(a), kReady);
}

TEST(EscalationTest, AnAwaitedStartIsOverOnceTheServiceWasReady) {
  EngineHarness world;
  const ServiceId a = world.Add();
  world.Send(StartRequested{.id = a, .awaited = true});
  world.ComeUp(a);
  world.End(a, kPermanent);
  EXPECT_EQ(world.All<GaveUp>().size(), 1u);
}

TEST(EscalationTest, ANestedGroupFailsItsParent) {
  EngineHarness world;
  const GroupId outer = world.AddGroup({.name = "outer"});
  const GroupId inner = world.AddGroup({.name = "inner", .parent = outer});
  const ServiceId a = world.Add({.group = inner});
  const ServiceId b = world.Add();
  world.BringUp({a, b});
  world.End(a, kPermanent);
  std::vector<GroupId> groups;
  for (const GaveUp& news : world.All<GaveUp>()) groups.push_back(news.group);
  EXPECT_THAT(groups, ElementsAre(inner, outer, kRootGroup));
  EXPECT_EQ(world.State(b), kStopping);
  world.End(b);
  groups.clear();
  for (const auto& news : world.All<GroupStopped>()) {
    groups.push_back(news.group);
    EXPECT_FALSE(news.status.ok());
  }
  EXPECT_THAT(groups, ElementsAre(inner, outer, kRootGroup));
}

TEST(EscalationTest, EndsAtAGroupThatSomebodyAwaits) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group", .awaited = true});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.group = group});
  const ServiceId c = world.Add();
  world.BringUp({a, b, c});
  world.End(a, kPermanent);
  EXPECT_EQ(world.All<GaveUp>().size(), 1u);
  EXPECT_EQ(world.State(b), kStopping);
  EXPECT_EQ(world.State(c), kReady);
  EXPECT_TRUE(world.engine().IsClosed(group));
  world.End(b);
  EXPECT_FALSE(world.engine().IsClosed(group));
  EXPECT_FALSE(world.engine().Error(group).ok());
  world.BringUp({a, b});
  EXPECT_TRUE(world.engine().Error(group).ok());
}

TEST(StopGroupTest, StopsItsServicesAndThoseThatNeedThem) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group"});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.needs = {a}});
  const ServiceId c = world.Add();
  world.BringUp({a, b, c});
  world.Send(StopGroupRequested{group});
  EXPECT_EQ(world.State(a), kReady);
  EXPECT_EQ(world.State(b), kStopping);
  EXPECT_EQ(world.State(c), kReady);
  world.Start(a);
  world.End(b);
  world.End(a);
  EXPECT_EQ(world.State(a), kInactive);
  ASSERT_EQ(world.All<GroupStopped>().size(), 1u);
  EXPECT_EQ(world.All<GroupStopped>()[0].group, group);
  world.BringUp({a});
}

TEST(StopGroupTest, AStartOfWhatNeedsAGroupThatStopsIsRefused) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group"});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.needs = {a}});
  const ServiceId c = world.Add({.needs = {b}});
  const ServiceId d = world.Add({.needs = {a}});
  world.BringUp({a, b, c});
  world.Send(StopGroupRequested{group});
  world.Start(b);
  world.Start(d);
  // a still waits for c and b; d must not come up on it.
  EXPECT_EQ(world.State(d), kInactive);
  EXPECT_EQ(world.State(a), kReady);
  for (const ServiceId id : {c, b, a}) world.End(id);
  EXPECT_EQ(world.State(b), kInactive);
  world.Start(b);
  EXPECT_EQ(world.State(a), kSpawning);
}

TEST(StopGroupTest, AGroupAtRestAnswersAtOnce) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group"});
  world.Send(StopGroupRequested{group});
  EXPECT_EQ(world.All<GroupStopped>().size(), 1u);
}

TEST(GroupSpecTest, RefusesWhatMakesNoSense) {
  Engine engine;
  EXPECT_EQ(
      engine.AddGroup({.name = "g", .parent = GroupId{7}}).status().code(),
      absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(engine.AddGroup({.name = "g", .restart = {.max_runs = 0}})
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(engine.AddGroup({.name = "g"}).ok());
  EXPECT_EQ(engine.AddGroup({.name = "g"}).status().code(),
            absl::StatusCode::kAlreadyExists);
}

// --- Strategies: b needs a, c needs nothing, d needs b.
class StrategyTest : public testing::Test {
 protected:
  void Use(Strategy strategy, RestartRule rule = {}) {
    group_ = world_.AddGroup(
        {.name = "group", .strategy = strategy, .restart = rule});
    a_ = world_.Add({.group = group_});
    b_ = world_.Add({.group = group_, .needs = {a_}});
    c_ = world_.Add({.group = group_});
    d_ = world_.Add({.group = group_, .needs = {b_}});
    world_.BringUp({a_, b_, c_, d_});
    world_.Advance(absl::Seconds(2));
  }

  std::vector<ServiceState> States() const {
    return {world_.State(a_), world_.State(b_), world_.State(c_),
            world_.State(d_)};
  }

  EngineHarness world_;
  GroupId group_{};
  ServiceId a_{}, b_{}, c_{}, d_{};
};

TEST_F(StrategyTest, OneForOneRestartsOne) {
  Use(Strategy::kOneForOne);
  world_.End(b_);
  EXPECT_THAT(States(), ElementsAre(kReady, kSpawning, kReady, kReady));
}

TEST_F(StrategyTest, OneForAllStopsAllInReverseThenStartsAllInOrder) {
  Use(Strategy::kOneForAll);
  world_.End(b_);
  EXPECT_THAT(States(), ElementsAre(kStopping, kWaiting, kStopping, kStopping));
  world_.End(d_);
  world_.End(c_);
  EXPECT_THAT(States(), ElementsAre(kStopping, kWaiting, kWaiting, kWaiting));
  EXPECT_THAT(world_.All<Spawn>(), IsEmpty());
  world_.End(a_);
  EXPECT_THAT(States(), ElementsAre(kSpawning, kWaiting, kSpawning, kWaiting));
  world_.ComeUp(a_);
  world_.ComeUp(b_);
  EXPECT_EQ(world_.State(d_), kSpawning);
}

TEST_F(StrategyTest, RestForOneRestartsWhatWasAddedAfterIt) {
  Use(Strategy::kRestForOne);
  world_.End(b_);
  EXPECT_THAT(States(), ElementsAre(kReady, kWaiting, kStopping, kStopping));
}

TEST_F(StrategyTest, DependentsRestartsWhatReallyNeedsIt) {
  Use(Strategy::kDependents);
  world_.End(a_);
  EXPECT_THAT(States(), ElementsAre(kWaiting, kReady, kReady, kStopping));
  world_.End(d_);
  EXPECT_THAT(States(), ElementsAre(kWaiting, kStopping, kReady, kWaiting));
  world_.End(b_);
  EXPECT_THAT(States(), ElementsAre(kSpawning, kWaiting, kReady, kWaiting));
}

TEST_F(StrategyTest, NothingComesUpOnAServiceThatIsAboutToRestart) {
  Use(Strategy::kDependents);
  const ServiceId e = world_.Add({.needs = {b_}});
  world_.End(a_);
  ASSERT_THAT(States(), ElementsAre(kWaiting, kReady, kReady, kStopping));
  world_.Start(e);
  EXPECT_EQ(world_.State(e), kWaiting);
  world_.End(d_);
  world_.End(b_);
  world_.ComeUp(a_);
  world_.ComeUp(b_);
  EXPECT_EQ(world_.State(e), kSpawning);
}

TEST_F(StrategyTest, AServiceWhoseTurnHasNotComeRestartsWithItsGroup) {
  Use(Strategy::kOneForAll);
  const ServiceId other = world_.Add();
  const ServiceId e = world_.Add({.group = group_});
  world_.Send(MaxStartingChanged{1});
  world_.Start(other);
  world_.Start(e);
  ASSERT_EQ(world_.State(e), kWaiting);
  world_.End(c_);
  world_.ComeUp(other);
  // It is its turn, but others of its group are not down yet.
  EXPECT_EQ(world_.State(e), kWaiting);
  for (const ServiceId id : {d_, b_, a_}) world_.End(id);
  int starting = 0;
  for (const ServiceId id : {a_, c_, e}) {
    starting += world_.State(id) == kSpawning;
  }
  EXPECT_EQ(starting, 1);
}

TEST_F(StrategyTest, SimultaneousDeathsAreTakenTogether) {
  Use(Strategy::kOneForAll, {.max_runs = 2});
  world_.TellExited(c_, ExitResult::Exited(1));
  world_.TellExited(d_, ExitResult::Exited(1));
  world_.TellDrained(c_);
  world_.TellDrained(d_);
  // Charged once: a second charge would have been too many.
  EXPECT_THAT(world_.All<GaveUp>(), IsEmpty());
  world_.End(b_);
  world_.End(a_);
  EXPECT_THAT(States(), ElementsAre(kSpawning, kWaiting, kSpawning, kWaiting));
}

TEST_F(StrategyTest, F53AFailureHalfWayThroughARestartIsChargedOnce) {
  Use(Strategy::kOneForAll, {.max_runs = 3});
  world_.End(c_);
  for (const ServiceId id : {d_, b_, a_}) world_.End(id);
  ASSERT_EQ(world_.State(a_), kSpawning);
  world_.End(a_);
  EXPECT_THAT(world_.All<GaveUp>(), IsEmpty());
  world_.End(c_);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(States(), ElementsAre(kSpawning, kWaiting, kSpawning, kWaiting));
  world_.End(a_);
  EXPECT_EQ(world_.State(a_), kFailed);
  ASSERT_FALSE(world_.All<GaveUp>().empty());
  EXPECT_THAT(world_.All<GaveUp>()[0].error.message(),
              HasSubstr("the group group could not be kept running: it failed "
                        "3 times within 1m, the last time because of a"));
}

TEST_F(StrategyTest, AStopDuringAGroupRestartWins) {
  Use(Strategy::kOneForAll);
  world_.End(c_);
  world_.StopService(d_);
  for (const ServiceId id : {d_, b_, a_}) world_.End(id);
  EXPECT_EQ(world_.State(d_), kInactive);
  EXPECT_EQ(world_.State(a_), kSpawning);
}

TEST_F(StrategyTest, AStopThatIsTakenBackLeavesTheRestartOfTheGroup) {
  Use(Strategy::kDependents);
  world_.End(a_);
  world_.StopService(a_);
  world_.Start(d_);
  // The others wait for b, which waits for d: b has to go down.
  world_.End(d_);
  ASSERT_EQ(world_.State(b_), kStopping);
  world_.End(b_);
  world_.Advance(absl::Seconds(1));
  for (const ServiceId id : {a_, b_, d_}) {
    ASSERT_EQ(world_.State(id), kSpawning);
    world_.ComeUp(id);
  }
}

TEST_F(StrategyTest, OneForAllTakesNestedGroupsAlong) {
  Use(Strategy::kOneForAll);
  const GroupId inner = world_.AddGroup({.name = "inner", .parent = group_});
  const ServiceId e = world_.Add({.group = inner});
  world_.BringUp({e});
  world_.End(c_);
  EXPECT_EQ(world_.State(e), kStopping);
}

TEST_F(StrategyTest, ARestartOfAnInnerGroupDoesNotCutShortTheOuterOne) {
  Use(Strategy::kOneForAll);
  const GroupId inner = world_.AddGroup(
      {.name = "inner", .parent = group_, .strategy = Strategy::kOneForAll});
  const ServiceId e = world_.Add({.group = inner});
  const ServiceId f = world_.Add({.group = inner});
  world_.BringUp({e, f});
  world_.TellExited(e, ExitResult::Exited(1));
  for (const ServiceId id : {c_, d_, b_, a_}) world_.End(id);
  // f restarts with the outer group and now with the inner one as well.
  world_.TellDrained(e);
  ASSERT_EQ(world_.State(f), kStopping);
  EXPECT_THAT(States(), ElementsAre(kWaiting, kWaiting, kWaiting, kWaiting));
  world_.End(f);
  EXPECT_THAT(States(), ElementsAre(kSpawning, kWaiting, kSpawning, kWaiting));
}

TEST(GroupLimitTest, AGroupThatGaveUpAndIsStartedAgainHasACleanRecord) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group",
                                        .strategy = Strategy::kOneForAll,
                                        .restart = {.max_runs = 2},
                                        .awaited = true});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.group = group});
  for (int round = 0; round < 2; ++round) {
    world.BringUp({a, b});
    world.End(a);
    world.End(b);
    EXPECT_THAT(world.All<GaveUp>(), IsEmpty());
    world.Advance(absl::Seconds(1));
    for (const ServiceId id : {a, b}) world.ComeUp(id);
    world.End(a);
    EXPECT_EQ(world.All<GaveUp>().size(), 1u);
    world.End(b);
  }
}

TEST(GroupLimitTest, SoHasOneThatIsStartedAgainWhileSomethingOfItIsStuck) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group", .awaited = true});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.group = group});
  world.BringUp({a, b});
  world.End(b, kPermanent);
  world.Advance(absl::Seconds(25));
  ASSERT_EQ(world.State(a), kStuck);
  ASSERT_FALSE(world.engine().Error(group).ok());
  world.Start(a);
  EXPECT_TRUE(world.engine().Error(group).ok());
}

TEST_F(StrategyTest, ADependentStuckInARestartDoesNotHoldItUp) {
  Use(Strategy::kOneForAll);
  world_.End(c_);
  world_.Advance(absl::Seconds(25));
  EXPECT_EQ(world_.State(d_), kStuck);
  world_.End(b_);
  world_.End(a_);
  EXPECT_THAT(States(), ElementsAre(kSpawning, kWaiting, kSpawning, kStuck));
}

}  // namespace
}  // namespace espalier
