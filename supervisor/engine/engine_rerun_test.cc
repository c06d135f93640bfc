// What who awaits a group needs to run it again: who was stopped with it, how
// its failure is passed on, and services that come back otherwise.
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

TEST(RerunTest, GoesOnWhenWhoAwaitsTheGroupCannotMakeItRunAgain) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group", .awaited = true});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add();
  world.BringUp({a, b});
  world.End(a, kPermanent);
  ASSERT_EQ(world.State(b), kReady);
  world.Send(GroupFailed{group, a, absl::UnavailableError("no use")});
  ASSERT_EQ(world.All<GaveUp>().size(), 2u);
  EXPECT_EQ(world.All<GaveUp>()[1].group, kRootGroup);
  EXPECT_EQ(world.All<GaveUp>()[1].error.message(), "no use");
  EXPECT_EQ(world.State(b), kStopping);
  // What is being stopped anyway has nothing to learn from it.
  world.Send(GroupFailed{group, a, absl::UnavailableError("no use")});
  EXPECT_EQ(world.All<GaveUp>().size(), 2u);
}

TEST(RerunTest, TellsWhichServicesOutsideWereTakenAlong) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group", .awaited = true});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.group = group, .needs = {a}});
  const ServiceId c = world.Add({.needs = {b}});
  const ServiceId d = world.Add({.needs = {c}});
  const ServiceId e = world.Add({.needs = {b}});
  const ServiceId f = world.Add();
  world.BringUp({a, b, c, d, e, f});
  world.StopService(d);
  world.End(a, kPermanent);
  EXPECT_THAT(world.engine().TakenAlong(group), ElementsAre(c, e));
  for (const ServiceId id : {d, e, c, b}) world.End(id);
  world.StopService(e);
  EXPECT_THAT(world.engine().TakenAlong(group), ElementsAre(c));
  EXPECT_EQ(world.State(f), kReady);
}

TEST(RerunTest, WhoIsTakenAlongWaitsUntilItIsStarted) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group", .awaited = true});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.needs = {a}});
  const ServiceId c = world.Add({.needs = {a}});
  world.BringUp({a, b, c});
  world.End(a, kPermanent);
  for (const ServiceId id : {b, c}) world.End(id);
  // It gives up again before those that need it were started.
  world.BringUp({a});
  ASSERT_THAT(world.engine().TakenAlong(group), ElementsAre(b, c));
  world.Start(c);
  EXPECT_THAT(world.engine().TakenAlong(group), ElementsAre(b));
  world.ComeUp(c);
  world.End(a, kPermanent);
  EXPECT_THAT(world.engine().TakenAlong(group), ElementsAre(b, c));
}

TEST(RerunTest, WhoIsStartedDuringARunThatFailsIsTakenAlong) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group", .awaited = true});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.group = group, .needs = {a}});
  const ServiceId c = world.Add({.needs = {a}});
  const ServiceId d = world.Add({.needs = {c}, .start_needs = {b}});
  world.BringUp({a, c});
  world.Start(d);
  // The nursery stops what it has started, and then the whole group.
  world.Send(StopRequested{.id = b, .with_group = group});
  EXPECT_THAT(world.engine().TakenAlong(group), ElementsAre(d));
  world.Send(StopRequested{.id = a, .with_group = group});
  EXPECT_THAT(world.engine().TakenAlong(group), ElementsAre(c, d));
  world.Start(c);
  EXPECT_THAT(world.engine().TakenAlong(group), ElementsAre(d));
  world.Send(StopGroupRequested{group});
  EXPECT_THAT(world.engine().TakenAlong(group), ElementsAre(c, d));
}

TEST(RerunTest, WhoIsStoppedWithAServiceForItsOwnSakeIsNotTakenAlong) {
  EngineHarness world;
  const GroupId group = world.AddGroup({.name = "group", .awaited = true});
  const ServiceId a = world.Add({.group = group});
  const ServiceId b = world.Add({.needs = {a}});
  world.BringUp({a, b});
  world.StopService(a);
  EXPECT_THAT(world.engine().TakenAlong(group), IsEmpty());
}

TEST(ReplaceServiceTest, TheNewSpecHoldsFromTheNextRunOn) {
  EngineHarness world;
  const ServiceId a = world.Add();
  const ServiceId b = world.Add();
  const ServiceId c = world.Add({.name = "c", .needs = {a}});
  world.BringUp({a, b, c});
  EXPECT_EQ(world.engine().ReplaceService(c, {.name = "c"}).code(),
            absl::StatusCode::kInvalidArgument)
      << "it runs";
  world.StopService(c);
  world.End(c);
  world.Forget();
  ASSERT_EQ(world.engine().ReplaceService(
                c, {.name = "c", .needs = {b, b}, .one_shot = true}),
            absl::OkStatus());
  world.StopService(a);
  EXPECT_EQ(world.State(a), kStopping);
  world.StopService(b);
  world.End(b);
  world.Start(c);
  EXPECT_EQ(world.State(c), kWaiting) << "b is not ready";
  world.ComeUp(b);
  world.TellSpawned(c);
  world.StopService(b);
  EXPECT_EQ(world.State(b), kReady) << "c has to go first";
  world.End(c, ExitResult::Exited(0));
  EXPECT_EQ(world.State(b), kStopping);
}

TEST(ReplaceServiceTest, RefusesWhatMakesNoSense) {
  EngineHarness world;
  const ServiceId a = world.Add({.name = "a"});
  const ServiceId b = world.Add({.name = "b"});
  Engine& engine = world.engine();
  EXPECT_THAT(engine.ReplaceService(a, {.name = "a", .needs = {b}}).message(),
              HasSubstr("a: it is to need a service that was added after it"));
  EXPECT_FALSE(engine.ReplaceService(a, {.name = "c"}).ok());
  EXPECT_FALSE(
      engine
          .ReplaceService(a, {.name = "a", .start_timeout = absl::Seconds(-1)})
          .ok());
}

TEST(ReplaceServiceTest, OneThatCannotBeKilledStillRuns) {
  EngineHarness world;
  const ServiceId a = world.Add({.name = "a"});
  world.BringUp({a});
  world.StopService(a);
  world.Advance(absl::Seconds(10));
  world.Advance(kKillDeadline);
  ASSERT_EQ(world.State(a), kStuck);
  EXPECT_EQ(world.engine().ReplaceService(a, {.name = "a"}).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace espalier
