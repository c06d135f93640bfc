// A group whose body is run again, with simulated processes and with real ones.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/suite/group_world.h"

namespace espalier {

struct Shop {
  HttpUrl store;
  HttpUrl front;
  ESPALIER_HANDLE(Shop, store, front);
};

namespace {

using enum ServiceState;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// One failure of a service is too many for it, so its group is what restarts.
const RestartRule kOnce = QuickRestarts(1);
const GroupOptions kThreeRuns = {.restart = QuickRestarts(3)};
const GroupOptions kPatient = {.restart = {.max_runs = 3,
                                           .window = absl::Hours(10),
                                           .initial_delay = absl::Hours(1),
                                           .max_delay = absl::Hours(1),
                                           .ready_for_reset = absl::Hours(1)}};

class GroupRerunTest : public testing::TestWithParam<WorldKind> {
 protected:
  // A store and a front that uses it.
  static TaskFunction<Task<Shop>(Nursery&)> ShopOf(const GroupWorld* world) {
    return [world](Nursery& shop) -> Task<Shop> {
      HttpUrl store =
          co_await world->StartActor(shop, "store", {.restart = kOnce});
      HttpUrl front = co_await world->StartActor(
          shop, "front", {.needs = {store}, .restart = kOnce});
      co_return Shop{.store = store, .front = front};
    };
  }

  // The shop, and outside of it one who uses it and one who does not.
  void RunShop(GroupOptions options = kThreeRuns) {
    world_.Run([this, options](Nursery& nursery) -> Task<void> {
      co_await world_.StartActor(nursery, "other");
      shop_ = co_await nursery.Group<Shop>("shop", Strategy::kOneForOne,
                                           ShopOf(&world_), options);
      co_await world_.StartActor(nursery, "user",
                                 {.needs = {shop_->front, shop_->store}});
    });
    ASSERT_TRUE(world_.ready()) << *world_.ended();
    world_.moves.clear();
  }

  std::vector<std::string> Starts() const {
    return world_.MovesTo({kSpawning});
  }

  GroupWorld world_{GetParam()};
  std::optional<Shop> shop_;
};

TEST_P(GroupRerunTest, TheBodyIsRunAgainAndTheHandleStaysTrue) {
  RunShop();
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitRun("user", 2));
  EXPECT_THAT(Starts(), ElementsAre("shop/store SPAWNING",
                                    "shop/front SPAWNING", "user SPAWNING"));
  EXPECT_THAT(world_.MovesTo({kStopping}),
              ElementsAre("user STOPPING", "shop/front STOPPING"));
  EXPECT_EQ(world_.Runs("other"), 1u);
  // The address that was given out is still the service's.
  const ServiceDefinition* store = world_.runtime().Find("shop/store");
  EXPECT_EQ(Resolve(store->endpoints[0]), Resolve(shop_->store));
  EXPECT_EQ(world_.Stop(), absl::OkStatus());
}

TEST_P(GroupRerunTest, EveryMoveOfItsRunsIsTold) {
  std::vector<std::string> told;
  world_.on_group_move = [&](const GroupRun::Move& move) {
    EXPECT_EQ(move.group, "shop");
    told.push_back(absl::StrCat(move.run, " ", GroupRun::StateName(move.from),
                                " -> ", GroupRun::StateName(move.to),
                                move.detail.empty() ? "" : ": ", move.detail));
  };
  RunShop({.restart = QuickRestarts(2)});
  EXPECT_THAT(told, ElementsAre("1 NEW -> RUNNING", "1 RUNNING -> UP"));
  told.clear();
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitRun("user", 2));
  EXPECT_THAT(
      told,
      ElementsAre(HasSubstr("1 UP -> FAILING: store could not be kept running"),
                  AllOf(HasSubstr("1 FAILING -> PAUSING: failed 1 of 2 times, "
                                  "next run in 0.0 s: store could not be"),
                        Not(HasSubstr("\n"))),
                  "1 PAUSING -> STOPPING", "2 STOPPING -> RUNNING",
                  "2 RUNNING -> UP"));
  told.clear();
  world_.Kill({"shop/store"});
  world_.AwaitEnd().IgnoreError();
  ASSERT_EQ(told.size(), 2u);
  EXPECT_THAT(told[1], HasSubstr("2 FAILING -> ENDED: the group 'shop' could "
                                 "not be kept running: it failed 2 times"));
}

TEST_P(GroupRerunTest, AStopEndsItsRuns) {
  std::vector<std::string> told;
  RunShop();
  world_.on_group_move = [&](const GroupRun::Move& move) {
    told.push_back(
        absl::StrCat(GroupRun::StateName(move.to), ": ", move.detail));
  };
  EXPECT_EQ(world_.Stop(), absl::OkStatus());
  EXPECT_THAT(told, ElementsAre("ENDED: it was stopped from outside"));
}

TEST_P(GroupRerunTest, AFirstRunThatFailsIsRunAgain) {
  world_.Direct("shop/front", "exit 1");
  world_.on_move = [this](const std::string& move) {
    if (move == "shop/front FAILED") world_.Direct("shop/front", "");
  };
  RunShop();
  EXPECT_EQ(world_.Runs("shop/store"), 2u);
  EXPECT_EQ(world_.Runs("shop/front"), 2u);
  EXPECT_EQ(world_.Stop(), absl::OkStatus());
}

TEST_P(GroupRerunTest, WhoAwaitsItIsToldWhenItsRunsAreUsedUp) {
  world_.Direct("shop/front", "exit 1");
  int stops = 0;
  world_.on_move = [&](const std::string& move) {
    // When its last run is over, somebody else starts something of it.
    if (move == "shop/store INACTIVE" && ++stops == 3)
      world_.runtime().Handle(StartRequested{world_.Id("shop/store")});
  };
  absl::Status failed;
  world_.Run([&](Nursery& nursery) -> Task<void> {
    failed = (co_await Try(nursery.Group<Shop>("shop", Strategy::kOneForOne,
                                               ShopOf(&world_), kThreeRuns)))
                 .status();
    // Nothing of it runs by now.
    EXPECT_EQ(world_.State("shop/store"), kInactive);
    co_await world_.StartActor(nursery, "other");
  });
  EXPECT_TRUE(world_.ready());
  EXPECT_THAT(std::string(failed.message()),
              HasSubstr("the group 'shop' could not be kept running: it failed "
                        "3 times within 1m, the last time with: front could "
                        "not be kept running: it failed 1 time within 1m, the "
                        "last time with: exit code 1"));
  EXPECT_EQ(world_.Runs("shop/front"), 3u);
}

TEST_P(GroupRerunTest, AfterTheFirstRunItFailsTheNurseryAroundIt) {
  RunShop();
  world_.Direct("shop/store", "exit 1");
  world_.Kill({"shop/store"});
  const absl::Status status = world_.AwaitEnd();
  EXPECT_THAT(
      std::string(status.message()),
      HasSubstr("the group 'shop' could not be kept running: it failed 3 "
                "times within 1m, the last time with: store could not"));
  // The first run, and the two of the body.
  EXPECT_EQ(world_.Runs("shop/store"), 3u);
  EXPECT_EQ(world_.State("other"), kInactive);
  // The log of who is to blame is named once.
  EXPECT_LE(absl::StrContains(status.message(), "\nlog: "), 1);
  EXPECT_EQ(status.message().find("\nlog: "),
            status.message().rfind("\nlog: "));
}

TEST_P(GroupRerunTest, WhatSaysThatAnotherTryIsOfNoUseIsNotTriedAgain) {
  RunShop();
  world_.Direct("shop/store", "exit 125");
  world_.Kill({"shop/store"});
  const absl::Status status = world_.AwaitEnd();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("store ended with exit code 125"));
  EXPECT_EQ(world_.Runs("shop/store"), 2u);
}

TEST_P(GroupRerunTest, ARuleThatSaysNeverRunsTheBodyOnce) {
  RunShop({.restart = {.when = RestartWhen::kNever}});
  world_.Kill({"shop/store"});
  EXPECT_THAT(std::string(world_.AwaitEnd().message()),
              HasSubstr("store could not be kept running"));
  EXPECT_EQ(world_.Runs("shop/store"), 1u);
}

TEST_P(GroupRerunTest, AServiceMayComeBackWithAnotherCommand) {
  world_.Run([this](Nursery& nursery) -> Task<void> {
    HttpUrl other = co_await world_.StartActor(nursery, "other");
    auto runs = std::make_shared<int>(0);
    const GroupWorld* world = &world_;
    co_await nursery.Group<void>(
        "shop", Strategy::kOneForOne,
        [world, runs, other](Nursery& shop) -> Task<void> {
          ActorOptions options{.restart = kOnce};
          if (++*runs == 2) {
            options.argument = "--second";
            options.needs = {other};
          }
          co_await world->StartActor(shop, "store", options);
        },
        kThreeRuns);
  });
  ASSERT_TRUE(world_.ready());
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitRun("shop/store", 2));
  const ServiceDefinition* store = world_.runtime().Find("shop/store");
  EXPECT_EQ(store->command.arguments.back(), Text("--second"));
  EXPECT_THAT(store->needs, ElementsAre("other"));
  EXPECT_THAT(world_.runtime().engine().LiveDependents(world_.Id("other")),
              ElementsAre(world_.Id("shop/store")));
}

TEST_P(GroupRerunTest, WhatTheBodyGivesMustNotChange) {
  world_.Run([this](Nursery& nursery) -> Task<void> {
    auto runs = std::make_shared<int>(0);
    const GroupWorld* world = &world_;
    co_await nursery.Group<int>(
        "shop", Strategy::kOneForOne,
        [world, runs](Nursery& shop) -> Task<int> {
          co_await world->StartActor(shop, "store", {.restart = kOnce});
          co_return ++*runs;
        },
        kThreeRuns);
  });
  ASSERT_TRUE(world_.ready());
  world_.Kill({"shop/store"});
  EXPECT_THAT(
      std::string(world_.AwaitEnd().message()),
      HasSubstr("the body of the group 'shop' returned something else"));
}

TEST_P(GroupRerunTest, ANameMayBeUsedOnceInARun) {
  world_.Run([this](Nursery& nursery) -> Task<void> {
    const GroupWorld* world = &world_;
    co_await nursery.Group<void>(
        "shop", Strategy::kOneForOne,
        [world](Nursery& shop) -> Task<void> {
          co_await world->StartActor(shop, "store");
          co_await world->StartActor(shop, "store");
        },
        kThreeRuns);
  });
  EXPECT_THAT(std::string(world_.AwaitEnd().message()),
              HasSubstr("two services are named 'shop/store'"));
  EXPECT_EQ(world_.Runs("shop/store"), 1u);
}

TEST_P(GroupRerunTest, AGroupInsideIsRunAgainWithTheOneAroundIt) {
  std::optional<Shop> shop;
  world_.Run([&](Nursery& nursery) -> Task<void> {
    const GroupWorld* world = &world_;
    shop = co_await nursery.Group<Shop>(
        "mall", Strategy::kOneForOne,
        [world](Nursery& mall) -> Task<Shop> {
          co_await world->StartActor(mall, "door");
          co_return co_await mall.Group<Shop>("shop", Strategy::kOneForOne,
                                              ShopOf(world),
                                              {.restart = QuickRestarts(2)});
        },
        {.restart = QuickRestarts(2)});
    co_await world_.StartActor(nursery, "user", {.needs = {shop->front}});
  });
  ASSERT_TRUE(world_.ready()) << *world_.ended();
  world_.moves.clear();
  // The shop fails twice, so the mall is run again, which finds it mended.
  world_.Direct("mall/shop/store", "exit 1");
  world_.on_move = [this](const std::string& move) {
    if (move == "mall/door STOPPING") world_.Direct("mall/shop/store", "");
  };
  world_.Kill({"mall/shop/store"});
  ASSERT_TRUE(world_.AwaitRun("user", 2));
  EXPECT_EQ(world_.Runs("mall/door"), 2u);
  EXPECT_EQ(world_.Runs("mall/shop/store"), 3u);
  EXPECT_EQ(Resolve(world_.runtime().Find("mall/shop/front")->endpoints[0]),
            Resolve(shop->front));
  // Again, and for good: each level has its own limit, and one error comes out.
  world_.on_move = nullptr;
  world_.Direct("mall/shop/store", "exit 1");
  world_.Kill({"mall/shop/store"});
  EXPECT_THAT(
      std::string(world_.AwaitEnd().message()),
      HasSubstr("the group 'mall' could not be kept running: it failed 2 times "
                "within 1m, the last time with: the group 'mall/shop' could "
                "not be kept running: it failed 2 times within 1m, the last "
                "time with: store could not be kept running"));
}

TEST_P(GroupRerunTest, WhatNeedsAGroupThatIsRunAgainWaitsForIt) {
  // Of two groups that fail together, the second needs the first.
  world_.Run([&](Nursery& nursery) -> Task<void> {
    const GroupWorld* world = &world_;
    shop_ = co_await nursery.Group<Shop>("shop", Strategy::kOneForOne,
                                         ShopOf(world), kThreeRuns);
    co_await nursery.Group<void>(
        "club", Strategy::kOneForOne,
        [world, shop = *shop_](Nursery& club) -> Task<void> {
          co_await world->StartActor(club, "alone", {.restart = kOnce});
          co_await world->StartActor(club, "guest",
                                     {.needs = {shop.front}, .restart = kOnce});
        },
        kThreeRuns);
  });
  ASSERT_TRUE(world_.ready()) << *world_.ended();
  world_.moves.clear();
  world_.Kill({"shop/store", "club/alone"});
  const std::vector<std::string> all = {"shop/front", "shop/store",
                                        "club/alone", "club/guest"};
  ASSERT_TRUE(world_.Await([&] {
    return std::all_of(all.begin(), all.end(), [&](const std::string& path) {
      return world_.State(path) == kReady && world_.Runs(path) >= 2;
    });
  }));
  // The deaths of two processes may be seen apart: then the club may be run
  // again for the second as well.
  for (const std::string& path : all) EXPECT_LE(world_.Runs(path), 3u) << path;
  EXPECT_EQ(world_.Stop(), absl::OkStatus());
}

TEST_P(GroupRerunTest, WhoWaitsForTwoGroupsCanBeStopped) {
  world_.Run([&](Nursery& nursery) -> Task<void> {
    const GroupWorld* world = &world_;
    shop_ = co_await nursery.Group<Shop>("shop", Strategy::kOneForOne,
                                         ShopOf(world), kThreeRuns);
    HttpUrl member = co_await nursery.Group<HttpUrl>(
        "club", Strategy::kOneForOne,
        [world](Nursery& club) -> Task<HttpUrl> {
          co_return co_await world->StartActor(club, "member",
                                               {.restart = kOnce});
        },
        kPatient);
    co_await world_.StartActor(nursery, "user",
                               {.needs = {shop_->front, member}});
  });
  ASSERT_TRUE(world_.ready()) << *world_.ended();
  world_.Direct("shop/front", "hang");
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitState("shop/front", kStarting));
  world_.Kill({"club/member"});
  ASSERT_TRUE(world_.AwaitState("club/member", kFailed));
  world_.Direct("shop/front", "");
  world_.Kill({"shop/front"});
  ASSERT_TRUE(world_.AwaitRun("shop/front", 3));
  EXPECT_EQ(world_.State("user"), kInactive) << "the club pauses";
  world_.runtime().Handle(StopRequested{world_.Id("user")});
  // Whatever that brings about is over when another service restarts.
  world_.runtime().Handle(RestartRequested{world_.Id("shop/front")});
  ASSERT_TRUE(world_.AwaitRun("shop/front", 4));
  EXPECT_EQ(world_.State("user"), kInactive);
  EXPECT_EQ(world_.State("club/member"), kFailed);
  EXPECT_EQ(world_.Stop(), absl::OkStatus());
}

TEST_P(GroupRerunTest, AHandleIsGoodWhileItsGroupIsRunAgain) {
  world_.Direct("gate", "hang");
  bool user_is_declared_in_time = false;
  world_.on_move = [&](const std::string& move) {
    if (move == "shop/front FAILED") {
      // The body has failed, and all that it started is being stopped.
      world_.Direct("shop/front", "");
      world_.Direct("gate", "");
      world_.Kill({"gate"});
    }
    if (move == "shop/store SPAWNING" && world_.Runs("shop/store") == 3)
      user_is_declared_in_time = world_.runtime().Find("user") != nullptr;
  };
  world_.Run([this](Nursery& nursery) -> Task<void> {
    GroupOptions options = kThreeRuns;
    options.restart.initial_delay = options.restart.max_delay =
        absl::Milliseconds(200);
    shop_ = co_await nursery.Group<Shop>("shop", Strategy::kOneForOne,
                                         ShopOf(&world_), options);
    world_.Direct("shop/front", "exit 1");
    world_.Kill({"shop/store"});
    co_await world_.StartActor(nursery, "gate");
    co_await world_.StartActor(nursery, "user", {.needs = {shop_->store}});
  });
  ASSERT_TRUE(world_.ready()) << *world_.ended();
  if (GetParam() == WorldKind::kSimulated) {
    EXPECT_TRUE(user_is_declared_in_time);
  }
  EXPECT_EQ(world_.Runs("shop/store"), 3u);
  EXPECT_EQ(world_.Runs("user"), 1u);
}

TEST_P(GroupRerunTest, AStopDuringThePauseEndsIt) {
  RunShop(kPatient);
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitState("shop/front", kInactive));
  ASSERT_TRUE(world_.AwaitState("shop/store", kFailed));
  const auto pausing = [this] {
    const auto outlook = world_.runtime().GroupOutlook(world_.Id("shop/front"));
    return outlook.has_value() &&
           absl::StrContains(outlook->story,
                             "its group shop is run again in 3");
  };
  ASSERT_TRUE(world_.Await(pausing));
  EXPECT_EQ(world_.Stop(), absl::OkStatus());
  EXPECT_THAT(Starts(), IsEmpty());
}

TEST_P(GroupRerunTest, AStopWhileTheBodyIsRunAgainWaitsForItsEnd) {
  RunShop();
  world_.Direct("shop/front", "hang");
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.Await([this] {
    return world_.Runs("shop/front") == 2 &&
           world_.State("shop/front") == kStarting;
  }));
  EXPECT_EQ(world_.Stop(), absl::OkStatus());
  EXPECT_EQ(world_.State("shop/front"), kInactive);
}

TEST_P(GroupRerunTest, AFailureAroundItEndsItsRuns) {
  RunShop(kPatient);
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitState("shop/front", kInactive));
  world_.Direct("other", "exit 125");
  world_.Kill({"other"});
  EXPECT_THAT(std::string(world_.AwaitEnd().message()),
              HasSubstr("other ended with exit code 125"));
}

TEST_P(GroupRerunTest, ALostKeeperEndsItsRuns) {
  RunShop(kPatient);
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitState("shop/front", kInactive));
  world_.LoseKeeper();
  EXPECT_THAT(std::string(world_.AwaitEnd().message()), HasSubstr("keeper"));
}

TEST_P(GroupRerunTest, ACancelledGroupEndsWithTheTaskThatAwaitsIt) {
  world_.Direct("shop/store", "exit 1");
  world_.Direct("other", "exit 125");
  world_.Run([this](Nursery& nursery) -> Task<void> {
    // The group pauses for an hour when the other one fails.
    co_await All(nursery.Group<Shop>("shop", Strategy::kOneForOne,
                                     ShopOf(&world_), kPatient),
                 world_.StartActor(nursery, "other"));
  });
  EXPECT_THAT(std::string(world_.AwaitEnd().message()),
              HasSubstr("other ended with exit code 125"));
}

TEST_P(GroupRerunTest, WhoWasStoppedMeanwhileIsNotStartedWithIt) {
  RunShop();
  world_.Direct("shop/front", "hang");
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitState("shop/front", kStarting));
  world_.runtime().Handle(StopRequested{world_.Id("user")});
  world_.Direct("shop/front", "");
  world_.Kill({"shop/front"});
  ASSERT_TRUE(world_.AwaitRun("shop/front", 3));
  EXPECT_EQ(world_.State("user"), kInactive);
  EXPECT_EQ(world_.Runs("user"), 1u);
}

TEST_P(GroupRerunTest, WhoIsStartedDuringARunThatFailsIsStartedWithTheNext) {
  RunShop();
  world_.Direct("shop/front", "hang");
  world_.Kill({"shop/store"});
  ASSERT_TRUE(world_.AwaitState("shop/front", kStarting));
  world_.runtime().Handle(StartRequested{.id = world_.Id("user")});
  ASSERT_EQ(world_.State("user"), kWaiting);
  world_.on_move = [this](const std::string& move) {
    if (move == "shop/front FAILED") world_.Direct("shop/front", "");
  };
  world_.Kill({"shop/front"});
  ASSERT_TRUE(world_.AwaitRun("user", 2));
  EXPECT_EQ(world_.Runs("shop/front"), 3u);
}

TEST_P(GroupRerunTest, ACancelledStartIsNotHeldUpByWhoStartsTheService) {
  world_.Direct("shop/slow", "hang");
  world_.Direct("shop/store", "exit 125");
  bool started = false;
  world_.on_move = [&](const std::string& move) {
    if (move == "shop/slow STARTING") world_.Direct("shop/slow", "");
    if (move != "shop/slow STOPPING" || std::exchange(started, true)) return;
    world_.Direct("shop/slow", "hang");
    world_.runtime().Handle(StartRequested{.id = world_.Id("shop/slow")});
  };
  world_.Run([this](Nursery& nursery) -> Task<void> {
    co_await nursery.Group<Shop>(
        "shop", Strategy::kOneForOne,
        [this](Nursery& shop) -> Task<Shop> {
          const auto [slow, store] =
              co_await All(world_.StartActor(shop, "slow"),
                           world_.StartActor(shop, "store"));
          co_return Shop{.store = store, .front = slow};
        },
        kPatient);
  });
  EXPECT_THAT(std::string(world_.AwaitEnd().message()),
              HasSubstr("store ended with exit code 125"));
  EXPECT_TRUE(started);
  EXPECT_EQ(world_.Runs("shop/slow"), 1u);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, GroupRerunTest,
                         testing::Values(WorldKind::kSimulated,
                                         WorldKind::kProcesses),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace espalier
