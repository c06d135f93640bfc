// What cannot be killed, for real: it is dead, but a tracer keeps it from being
// reaped, so that to everybody else it is as if it were still there.
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/suite/group_world.h"
#include "supervisor/testing/tracer.h"

namespace espalier {
namespace {

using enum ServiceState;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class StuckTest : public testing::Test {
 protected:
  // One service that is asked, and killed, and given up without delay.
  void RunTraced() {
    world_.Run([this](Nursery& nursery) -> Task<void> {
      co_await world_.StartActor(nursery, "one",
                                 {.stop = {.grace = absl::Milliseconds(1)}});
      co_await world_.StartActor(nursery, "other");
    });
    ASSERT_TRUE(world_.ready()) << *world_.ended();
    tracer_.emplace(world_.runtime().engine().Pid(world_.Id("one")));
    world_.moves.clear();
  }

  std::optional<Tracer> tracer_;
  GroupWorld world_{WorldKind::kProcesses,
                    {.kill_deadline = absl::Milliseconds(1)}};
};

TEST_F(StuckTest, F22ThereIsNoSecondCopyUntilItsLateDeath) {
  RunTraced();
  world_.runtime().Handle(RestartRequested{.id = world_.Id("one")});
  ASSERT_TRUE(world_.Await([&] { return world_.moves.size() >= 3; }));
  EXPECT_THAT(world_.moves,
              ElementsAre("one STOPPING", "one KILLING", "one STUCK"));
  // Others are not held up, and it is not started while they restart.
  world_.Kill({"other"});
  ASSERT_TRUE(world_.AwaitRun("other", 2));
  EXPECT_EQ(world_.State("one"), kStuck);
  EXPECT_THAT(world_.moves, Not(Contains("one SPAWNING")));
  tracer_.reset();
  EXPECT_TRUE(world_.AwaitRun("one", 2));
}

TEST_F(StuckTest, F22TheEnvironmentEndsAndSaysSo) {
  RunTraced();
  const absl::Status ended = world_.Stop();
  EXPECT_THAT(std::string(ended.message()),
              HasSubstr("could not be killed: one"));
  EXPECT_EQ(world_.State("one"), kStuck);
  EXPECT_EQ(world_.State("other"), kInactive);
  tracer_.reset();
}

}  // namespace
}  // namespace espalier
