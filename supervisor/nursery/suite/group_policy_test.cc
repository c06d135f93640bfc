// Strategies of groups and rules of services, with simulated processes and with
// real ones: what the engine's own tests show of it in virtual time.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/suite/group_world.h"
#include "supervisor/task/all.h"

namespace espalier {
namespace {

using enum ServiceState;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

const std::vector<std::string> kAll = {"group/a", "group/b", "group/c",
                                       "group/d"};
const GroupOptions kBodyOnce = {
    .restart = {.when = RestartWhen::kNever, .max_runs = 10}};

class GroupPolicyTest : public testing::TestWithParam<WorldKind> {
 protected:
  // A group in which b needs a, c needs nothing, and d needs b.
  void RunGroup(Strategy strategy, GroupOptions options = kBodyOnce) {
    const GroupWorld* world = &world_;
    world_.Run([=](Nursery& nursery) -> Task<void> {
      co_await nursery.Group<void>(
          "group", strategy,
          [world](Nursery& group) -> Task<void> {
            HttpUrl a = co_await world->StartActor(group, "a");
            HttpUrl b = co_await world->StartActor(group, "b", {.needs = {a}});
            co_await world->StartActor(group, "c");
            co_await world->StartActor(group, "d", {.needs = {b}});
          },
          options);
    });
    ASSERT_TRUE(world_.ready()) << *world_.ended();
    world_.moves.clear();
  }

  // One that stands alone.
  void RunOne(ActorOptions options) {
    world_.Run([=, this](Nursery& nursery) -> Task<void> {
      co_await world_.StartActor(nursery, "one", options);
    });
  }

  void ExpectFiveRuns() {
    EXPECT_THAT(std::string(world_.AwaitEnd().message()),
                HasSubstr("one could not be kept running: it failed 5 times "
                          "within 1m, the last time with: exit code 1"));
    EXPECT_EQ(world_.Runs("one"), 5u);
  }

  bool AwaitRuns(const std::vector<Generation>& runs) {
    return world_.Await([&] { return Ready() && Runs() == runs; });
  }
  bool Ready() const {
    return std::all_of(kAll.begin(), kAll.end(), [this](const auto& path) {
      return world_.State(path) == kReady;
    });
  }
  std::vector<Generation> Runs() const {
    std::vector<Generation> runs;
    for (const std::string& path : kAll) runs.push_back(world_.Runs(path));
    return runs;
  }
  // Where in the story a move is; the end if it is not.
  ptrdiff_t When(const std::string& move) const {
    return std::find(world_.moves.begin(), world_.moves.end(), move) -
           world_.moves.begin();
  }

  GroupWorld world_{GetParam()};
};

// --- Strategies

TEST_P(GroupPolicyTest, OneForOneRestartsOne) {
  RunGroup(Strategy::kOneForOne);
  world_.Kill({"group/b"});
  EXPECT_TRUE(AwaitRuns({1, 2, 1, 1}));
}

TEST_P(GroupPolicyTest, OneForAllStopsInReverseAndStartsInOrder) {
  RunGroup(Strategy::kOneForAll);
  world_.Kill({"group/c"});
  EXPECT_TRUE(AwaitRuns({2, 2, 2, 2}));
  EXPECT_LT(When("group/d DRAINING"), When("group/b STOPPING"));
  EXPECT_LT(When("group/b DRAINING"), When("group/a STOPPING"));
  // None starts before all are down.
  EXPECT_LT(When("group/a DRAINING"), When("group/a SPAWNING"));
  EXPECT_LT(When("group/a DRAINING"), When("group/c SPAWNING"));
  EXPECT_LT(When("group/a READY"), When("group/b SPAWNING"));
  EXPECT_LT(When("group/b READY"), When("group/d SPAWNING"));
}

TEST_P(GroupPolicyTest, RestForOneRestartsWhatWasAddedAfterIt) {
  RunGroup(Strategy::kRestForOne);
  world_.Kill({"group/b"});
  EXPECT_TRUE(AwaitRuns({1, 2, 2, 2}));
}

TEST_P(GroupPolicyTest, DependentsRestartsWhatReallyNeedsIt) {
  RunGroup(Strategy::kDependents);
  world_.Kill({"group/a"});
  EXPECT_TRUE(AwaitRuns({2, 2, 1, 2}));
  EXPECT_LT(When("group/b DRAINING"), When("group/a SPAWNING"));
}

TEST_P(GroupPolicyTest, SimultaneousDeathsAreTakenTogether) {
  RunGroup(Strategy::kOneForAll,
           {.restart = {.when = RestartWhen::kNever, .max_runs = 2}});
  world_.Kill(kAll);
  // Charged once: another charge would have been one too many.
  EXPECT_TRUE(AwaitRuns({2, 2, 2, 2})) << *world_.ended();
}

TEST_P(GroupPolicyTest, F53AFailureDuringARestartOfTheGroupIsChargedOnce) {
  RunGroup(Strategy::kOneForAll,
           {.restart = {.when = RestartWhen::kNever, .max_runs = 3}});
  world_.Direct("group/b", "exit 1");
  int pauses = 0;
  world_.on_move = [&](const std::string& move) {
    // The first is that of the restart with the others.
    if (move == "group/b BACKOFF" && ++pauses == 2)
      world_.Direct("group/b", "");
  };
  world_.Kill({"group/c"});
  // One charge for c, and one for b, which takes all that runs with it once
  // more: c as well, if it had come up before.
  EXPECT_TRUE(world_.Await([this] {
    return Ready() && world_.Runs("group/b") == 3;
  })) << *world_.ended();
  EXPECT_EQ(world_.Runs("group/a"), 3u);
}

TEST_P(GroupPolicyTest, NestedGroupsRestartWithTheOneAroundThem) {
  const GroupWorld* world = &world_;
  world_.Run([world](Nursery& nursery) -> Task<void> {
    co_await nursery.Group<void>(
        "outer", Strategy::kOneForAll,
        [world](Nursery& outer) -> Task<void> {
          co_await world->StartActor(outer, "a");
          co_await outer.Group<void>(
              "inner", Strategy::kOneForOne,
              [world](Nursery& inner) -> Task<void> {
                co_await world->StartActor(inner, "b");
                co_await world->StartActor(inner, "c");
              },
              kBodyOnce);
        },
        kBodyOnce);
  });
  ASSERT_TRUE(world_.ready());
  world_.Kill({"outer/inner/b"});
  ASSERT_TRUE(world_.AwaitRun("outer/inner/b", 2));
  EXPECT_EQ(world_.Runs("outer/inner/c"), 1u);
  EXPECT_EQ(world_.Runs("outer/a"), 1u);
  world_.Kill({"outer/a"});
  ASSERT_TRUE(world_.AwaitRun("outer/inner/b", 3));
  ASSERT_TRUE(world_.AwaitRun("outer/inner/c", 2));
  EXPECT_TRUE(world_.AwaitRun("outer/a", 2));
}

TEST_P(GroupPolicyTest, WhatAGroupCannotCureEndsTheEnvironment) {
  RunGroup(Strategy::kOneForAll,
           {.restart = {.when = RestartWhen::kNever, .max_runs = 2}});
  world_.Direct("group/a", "exit 7");
  world_.Kill({"group/a"});
  EXPECT_THAT(std::string(world_.AwaitEnd().message()),
              HasSubstr("the group group could not be kept running: it failed "
                        "2 times within 1m, the last time because of a: exit "
                        "code 7"));
  EXPECT_EQ(world_.Runs("group/a"), 2u);
}

TEST_P(GroupPolicyTest, EveryServiceThatFailsAtThatTimeIsReported) {
  world_.Run([this](Nursery& nursery) -> Task<void> {
    ActorOptions options;
    options.restart.when = RestartWhen::kNever;
    co_await world_.StartActor(nursery, "a", options);
    co_await world_.StartActor(nursery, "b", options);
  });
  ASSERT_TRUE(world_.ready());
  world_.Kill({"a", "b"});
  const std::string error(world_.AwaitEnd().message());
  if (GetParam() == WorldKind::kSimulated) {
    EXPECT_EQ(error, "a failed: killed by SIGKILL\nand: b: killed by SIGKILL");
  } else {
    // Real ones need not be heard of in one moment.
    EXPECT_THAT(error, HasSubstr(" failed: killed by SIGKILL"));
  }
}

// --- Rules of a service

TEST_P(GroupPolicyTest, F30TheLimitIsExact) {
  world_.Direct("one", "exit 1");
  RunOne({.restart = QuickRestarts(5)});
  ExpectFiveRuns();
}

TEST_P(GroupPolicyTest, F31ACrashJustAfterReadyCountsAsWell) {
  world_.Direct("one", "ready_exit 1");
  RunOne({.restart = QuickRestarts(5)});
  ExpectFiveRuns();
  EXPECT_THAT(world_.moves, Contains("one READY"));
}

TEST_P(GroupPolicyTest, F33ManyThatFailTogetherAreStartedAFewAtATime) {
  constexpr int kServices = 200;
  constexpr int kAtATime = 8;
  GroupWorld world(GetParam(), {.max_starting = kAtATime});
  std::vector<std::string> names;
  for (int i = 0; i < kServices; ++i) names.push_back(absl::StrCat("s", i));
  world.Run([&](Nursery& nursery) -> Task<void> {
    for (const std::string& name : names) {
      co_await world.StartActor(nursery, name);
    }
  });
  ASSERT_TRUE(world.ready()) << *world.ended();
  int most = 0;
  world.on_move = [&](const std::string&) {
    const auto starting =
        std::count_if(names.begin(), names.end(), [&](const std::string& name) {
          const ServiceState state = world.State(name);
          return state == kSpawning || state == kStarting;
        });
    most = std::max(most, static_cast<int>(starting));
  };
  world.Kill(names);
  EXPECT_TRUE(world.Await([&] {
    return std::all_of(names.begin(), names.end(), [&](const auto& name) {
      return world.State(name) == kReady && world.Runs(name) == 2;
    });
  }));
  EXPECT_GT(most, 1);
  EXPECT_LE(most, kAtATime);
}

TEST_P(GroupPolicyTest, WhatIsCancelledDoesNotLeaveItsTurnToTheNext) {
  GroupWorld world(GetParam(), {.max_starting = 1});
  world.Direct("first", "exit 1");
  world.Run([&](Nursery& nursery) -> Task<void> {
    co_await All(world.StartActor(nursery, "first",
                                  {.restart = {.when = RestartWhen::kNever}}),
                 world.StartActor(nursery, "second"),
                 world.StartActor(nursery, "third"),
                 world.StartActor(nursery, "fourth"));
  });
  EXPECT_FALSE(world.AwaitEnd().ok());
  // The second one's turn came when the first had failed.
  EXPECT_THAT(world.moves, Contains("first FAILED"));
  EXPECT_THAT(world.moves, Not(Contains("third SPAWNING")));
  EXPECT_THAT(world.moves, Not(Contains("fourth SPAWNING")));
}

TEST_P(GroupPolicyTest, PausesGrow) {
  std::vector<absl::Duration> pauses;
  std::optional<absl::Time> began;
  world_.on_move = [&](const std::string& move) {
    const absl::Time now = Runtime::Now();
    if (move == "one BACKOFF") began = now;
    if (move == "one WAITING" && began) pauses.push_back(now - *began);
  };
  world_.Direct("one", "exit 1");
  RunOne({.restart = {.max_runs = 4,
                      .initial_delay = absl::Milliseconds(10),
                      .max_delay = absl::Milliseconds(20),
                      .jitter = 0}});
  EXPECT_FALSE(world_.AwaitEnd().ok());
  ASSERT_EQ(pauses.size(), 3u);
  EXPECT_GE(pauses[0], absl::Milliseconds(10));
  EXPECT_GE(pauses[1], absl::Milliseconds(20));
  EXPECT_GE(pauses[2], absl::Milliseconds(20));
}

TEST_P(GroupPolicyTest, APermanentExitCodeIsNotTriedAgain) {
  world_.Direct("one", "exit 42");
  RestartRule rule = QuickRestarts();
  rule.permanent_exit_codes = {42};
  RunOne({.restart = rule});
  EXPECT_THAT(std::string(world_.AwaitEnd().message()),
              HasSubstr("one ended with exit code 42, which says that another "
                        "try is of no use"));
  EXPECT_EQ(world_.Runs("one"), 1u);
}

TEST_P(GroupPolicyTest, F15ExitCode0IsDoneWhereOnlyFailuresRestart) {
  RestartRule rule = QuickRestarts();
  rule.when = RestartWhen::kOnFailure;
  world_.Direct("one", "ready_exit 0");
  RunOne({.restart = rule});
  EXPECT_TRUE(world_.AwaitState("one", kDone));
  EXPECT_EQ(world_.Runs("one"), 1u);
}

TEST_P(GroupPolicyTest, AOneShotIsWaitedFor) {
  world_.Direct("one", "exit 0");
  RunOne({.one_shot = true});
  EXPECT_TRUE(world_.ready());
  EXPECT_EQ(world_.State("one"), kDone);
}

TEST_P(GroupPolicyTest, F34AStopDuringAPauseIsImmediate) {
  RestartRule patient;
  patient.window = absl::Hours(10);
  patient.initial_delay = patient.max_delay = absl::Hours(1);
  patient.ready_for_reset = absl::Hours(1);
  RunOne({.restart = patient});
  world_.Kill({"one"});
  ASSERT_TRUE(world_.AwaitState("one", kBackoff));
  EXPECT_EQ(world_.Stop(), absl::OkStatus());
}

// --- Needs

class NeedsTest : public GroupPolicyTest {
 protected:
  // A user who needs the store always, or only to start.
  void RunStore(bool only_at_start) {
    world_.Run([=, this](Nursery& nursery) -> Task<void> {
      HttpUrl store = co_await world_.StartActor(nursery, "store");
      ActorOptions options;
      (only_at_start ? options.start_needs : options.needs) = {store};
      co_await world_.StartActor(nursery, "user", options);
    });
    ASSERT_TRUE(world_.ready());
    world_.moves.clear();
  }
  void Tell(const Event& event) { world_.runtime().Handle(event); }
};

TEST_P(NeedsTest, F50ABlockedServiceHealsWithWhatItNeeds) {
  RunStore(/*only_at_start=*/false);
  Tell(StopRequested{world_.Id("store")});
  ASSERT_TRUE(world_.AwaitState("store", kInactive));
  world_.Direct("store", "exit 125");
  // Somebody who takes its failure, so that it ends nothing.
  Tell(StartRequested{.id = world_.Id("store"), .awaited = true});
  Tell(StartRequested{world_.Id("user")});
  ASSERT_TRUE(world_.AwaitState("user", kBlocked));
  world_.Direct("store", "");
  Tell(StartRequested{world_.Id("store")});
  EXPECT_TRUE(world_.AwaitRun("user", 2));
}

TEST_P(NeedsTest, F51ANeedThatDiesDuringAStopHoldsNothingUp) {
  RunStore(/*only_at_start=*/false);
  world_.on_move = [this](const std::string& move) {
    if (move == "user STOPPING") world_.Kill({"store"});
  };
  Tell(StopRequested{world_.Id("user")});
  ASSERT_TRUE(world_.AwaitState("user", kInactive));
  EXPECT_TRUE(world_.AwaitRun("store", 2));
  EXPECT_EQ(world_.State("user"), kInactive);
}

TEST_P(NeedsTest, F52AStopTakesThoseAlongThatNeedItAlways) {
  RunStore(/*only_at_start=*/false);
  Tell(StopRequested{world_.Id("store")});
  ASSERT_TRUE(world_.AwaitState("store", kInactive));
  EXPECT_EQ(world_.State("user"), kInactive);
  EXPECT_LT(When("user DRAINING"), When("store STOPPING"));
}

TEST_P(NeedsTest, WhatIsNeededAtTheStartOnlyMayGoAfterwards) {
  RunStore(/*only_at_start=*/true);
  EXPECT_THAT(world_.runtime().Find("user")->start_needs, ElementsAre("store"));
  Tell(StopRequested{world_.Id("store")});
  ASSERT_TRUE(world_.AwaitState("store", kInactive));
  EXPECT_EQ(world_.State("user"), kReady);
  // Nor do its restarts wait for it.
  world_.Kill({"user"});
  EXPECT_TRUE(world_.AwaitRun("user", 2));
  EXPECT_EQ(world_.State("store"), kInactive);
}

TEST_P(NeedsTest, WhatIsNeededAtTheStartIsStartedWithIt) {
  RunStore(/*only_at_start=*/true);
  Tell(StopRequested{world_.Id("user")});
  Tell(StopRequested{world_.Id("store")});
  ASSERT_TRUE(world_.Await([this] {
    return world_.State("store") == kInactive &&
           world_.State("user") == kInactive;
  }));
  world_.moves.clear();
  Tell(StartRequested{world_.Id("user")});
  ASSERT_TRUE(world_.AwaitRun("user", 2));
  EXPECT_LT(When("store READY"), When("user SPAWNING"));
}

INSTANTIATE_TEST_SUITE_P(Everywhere, GroupPolicyTest,
                         testing::Values(WorldKind::kSimulated,
                                         WorldKind::kProcesses),
                         testing::PrintToStringParamName());
INSTANTIATE_TEST_SUITE_P(Everywhere, NeedsTest,
                         testing::Values(WorldKind::kSimulated,
                                         WorldKind::kProcesses),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace espalier
