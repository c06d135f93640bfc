// What the engine tells a person.
#include <cerrno>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/engine_harness.h"

namespace espalier {
namespace {

class ExplainTest : public testing::Test {
 protected:
  std::string Explain(ServiceId id) {
    return world_.engine().Explain(id, world_.now());
  }
  std::string Next(ServiceId id) {
    return world_.engine().Next(id, world_.now());
  }

  EngineHarness world_;
  const GroupId group_ = world_.AddGroup({.name = "group", .awaited = true});
  const ServiceId links_ =
      world_.Add({.name = "links", .group = group_, .restart = {.jitter = 0}});
  const ServiceId gateway_ =
      world_.Add({.name = "gateway", .group = group_, .needs = {links_}});
  const ServiceId nginx_ =
      world_.Add({.name = "nginx", .group = group_, .needs = {gateway_}});
};

TEST_F(ExplainTest, TellsTheChainOfCauses) {
  world_.Start(gateway_);
  for (int i = 0; i < 3; ++i) {
    world_.TellSpawned(links_);
    world_.End(links_, ExitResult::Exited(1));
    if (i < 2) world_.Advance(absl::Milliseconds(200));
  }
  EXPECT_EQ(Explain(gateway_),
            "gateway waits for links, which failed 3 of 5 times: exit code 1, "
            "next run in 0.4 s");
}

TEST_F(ExplainTest, TellsEveryState) {
  EXPECT_EQ(Explain(links_), "links was never started");
  world_.Start(nginx_);
  EXPECT_EQ(Explain(nginx_),
            "nginx waits for gateway, which waits for links, which has been "
            "spawning for 0.0 s, at most 60.0 s more");
  world_.TellSpawned(links_);
  world_.TellProbeFailed(links_, "nothing listens");
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(Explain(links_),
            "links has been starting for 10.0 s, at most 50.0 s more: nothing "
            "listens");
  world_.TellReady(links_);
  world_.ComeUp(gateway_);
  EXPECT_EQ(Explain(links_), "links has been ready for 0.0 s");
  world_.StopService(nginx_);
  world_.End(nginx_);
  EXPECT_EQ(Explain(nginx_), "nginx is stopped: stop requested");
  world_.StopService(links_);
  EXPECT_EQ(Explain(links_),
            "links has been ready for 0.0 s; it stops (stop requested) after "
            "those that need it: 1 left");
  EXPECT_EQ(Explain(gateway_),
            "gateway has been stopping for 0.0 s (something it needs is to be "
            "stopped), at most 10.0 s more");
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(Explain(gateway_),
            "gateway is being killed (grace time over), at most 15.0 s more");
  world_.Advance(absl::Seconds(15));
  EXPECT_EQ(Explain(gateway_),
            "gateway could not be killed; it is not started again before it "
            "is gone");
}

TEST_F(ExplainTest, TellsWhatBlocks) {
  world_.Send(StartRequested{.id = links_, .awaited = true});
  world_.Start(gateway_);
  world_.TellSpawnFailed(links_, ENOENT);
  EXPECT_EQ(Explain(gateway_),
            "gateway is blocked by links, which has failed for good: links "
            "cannot be started: execute /bin/x: No such file or directory");
}

TEST_F(ExplainTest, TellsOfASpawnThatIsTriedAgain) {
  world_.Start(links_);
  world_.TellSpawnFailed(links_, EAGAIN);
  EXPECT_EQ(Explain(links_),
            "links could not be spawned for now: execute /bin/x: Resource "
            "temporarily unavailable, next run in 0.1 s");
}

TEST_F(ExplainTest, TellsThatItIsNotYetItsTurn) {
  world_.Send(MaxStartingChanged{1});
  const ServiceId a = world_.Add({.name = "a", .group = group_});
  world_.Start(links_);
  world_.Start(a);
  EXPECT_EQ(Explain(a), "a waits for its turn: 1 of at most 1 are starting");
}

TEST_F(ExplainTest, TellsWhatHappensNextInEveryState) {
  EXPECT_EQ(Next(links_), "stays so until it is started");
  world_.Start(gateway_);
  EXPECT_EQ(Next(gateway_), "starts as soon as links is ready");
  EXPECT_EQ(Next(links_), "becomes ready, or its start has failed in 60.0 s");
  world_.TellSpawned(links_);
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(Next(links_), "becomes ready, or its start has failed in 50.0 s");
  world_.End(links_, ExitResult::Exited(1));
  EXPECT_EQ(Next(links_), "runs again in 0.1 s");
  world_.Advance(absl::Seconds(1));
  world_.ComeUp(links_);
  EXPECT_EQ(Next(links_), "stays so");
  world_.TellProbeFailed(links_, "no answer");
  EXPECT_EQ(Next(links_),
            "is stopped and started again if 2 more probes in a row fail");
  EXPECT_EQ(Explain(links_),
            "links has been ready for 0.0 s; 1 of 3 probes in a row failed: no "
            "answer");
  world_.TellProbeFailed(links_, "no answer");
  world_.TellProbeFailed(links_, "no answer");
  EXPECT_EQ(Next(links_),
            "ends, or is killed in 10.0 s; then its restart rule decides");
  world_.Send(RestartRequested{links_});
  EXPECT_EQ(Next(links_), "ends, or is killed in 10.0 s; then runs again");
  world_.StopService(links_);
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(Next(links_),
            "is gone, or counts as stuck in 15.0 s; then is stopped");
  world_.Advance(absl::Seconds(15));
  EXPECT_EQ(Next(links_),
            "is not started again before it is gone; then is stopped");
}

TEST_F(ExplainTest, TellsWhatIsWaitedFor) {
  const ServiceId one = world_.Add({.name = "one", .group = group_});
  const ServiceId two = world_.Add({.name = "two", .group = group_});
  const ServiceId three = world_.Add({.name = "three", .group = group_});
  const ServiceId all = world_.Add(
      {.name = "all", .group = group_, .needs = {links_, one, two, three}});
  world_.Start(all);
  EXPECT_EQ(world_.engine().WaitsFor(all),
            (std::vector<ServiceId>{links_, one, two, three}));
  EXPECT_EQ(Next(all),
            "starts as soon as links and one and two and 1 other are ready");
  world_.ComeUp(one);
  EXPECT_EQ(world_.engine().WaitsFor(all),
            (std::vector<ServiceId>{links_, two, three}));
  EXPECT_TRUE(world_.engine().WaitsFor(one).empty());
}

TEST_F(ExplainTest, TellsHowABlockedOneIsHealed) {
  world_.Send(StartRequested{.id = links_, .awaited = true});
  world_.Start(gateway_);
  world_.TellSpawnFailed(links_, ENOENT);
  EXPECT_EQ(Next(gateway_),
            "starts as soon as links is ready; what has failed for good has to "
            "be started first");
  EXPECT_EQ(Next(links_), "stays so until it is started");
}

}  // namespace
}  // namespace espalier
