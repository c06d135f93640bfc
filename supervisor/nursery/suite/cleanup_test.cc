// What a failed task had started is stopped before its error is delivered,
// whatever is asked for meanwhile. With simulated processes and with real ones.
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/suite/group_world.h"

namespace espalier {
namespace {

using enum ServiceState;

const GroupOptions kBodyOnce = {.restart = {.when = RestartWhen::kNever}};

class CleanupTest : public testing::TestWithParam<WorldKind> {
 protected:
  // Runs a task that starts `one` and then fails; its error is caught, and
  // `other` is started. At `move`, which its cleanup makes, somebody asks for
  // `event`.
  template <typename Asked>
  void RunAndAskAt(const std::string& move) {
    AskAt<Asked>(move, "one");
    world_.Run([this](Nursery& nursery) -> Task<void> {
      const auto failing = [](const GroupWorld* world,
                              Nursery& within) -> Task<void> {
        co_await world->StartActor(within, "one");
        co_await absl::InternalError("changed my mind");
      };
      failed_ = co_await Try(failing(&world_, nursery));
      state_then_ = world_.State("one");
      co_await world_.StartActor(nursery, "other");
    });
  }

  template <typename Asked>
  void AskAt(const std::string& move, const std::string& path) {
    world_.on_move = [this, move, path](const std::string& made) {
      if (made != move || asked_) return;
      asked_ = true;
      Asked request{};
      request.id = world_.Id(path);
      world_.runtime().Handle(request);
      world_.runtime().WhenStarted(
          request.id, [this](absl::Status status) { answer_ = status; });
    };
  }

  void ExpectCleanedUp() {
    EXPECT_TRUE(asked_);
    ASSERT_TRUE(world_.ready());
    EXPECT_EQ(failed_.message(), "changed my mind");
    EXPECT_EQ(state_then_, kInactive);
    EXPECT_FALSE(answer_.ok())
        << "whoever asked is told that it came to naught";
  }

  GroupWorld world_{GetParam()};
  bool asked_ = false;
  absl::Status failed_;
  absl::Status answer_;
  ServiceState state_then_ = kReady;
};

TEST_P(CleanupTest, AStartDuringTheStopIsTakenBack) {
  RunAndAskAt<StartRequested>("one STOPPING");
  ExpectCleanedUp();
}

TEST_P(CleanupTest, ARestartDuringTheStopIsTakenBack) {
  RunAndAskAt<RestartRequested>("one STOPPING");
  ExpectCleanedUp();
}

TEST_P(CleanupTest, AStartAtTheVeryEndIsTakenBack) {
  RunAndAskAt<StartRequested>("one INACTIVE");
  ExpectCleanedUp();
}

TEST_P(CleanupTest, AStartOfOneThatWaitsToBeStoppedIsTakenBack) {
  AskAt<StartRequested>("user STOPPING", "one");
  world_.Run([this](Nursery& nursery) -> Task<void> {
    const auto failing = [](const GroupWorld* world,
                            Nursery& within) -> Task<void> {
      HttpUrl one = co_await world->StartActor(within, "one");
      co_await world->StartActor(within, "user", {.needs = {one}});
      co_await absl::InternalError("changed my mind");
    };
    failed_ = co_await Try(failing(&world_, nursery));
    state_then_ = world_.State("one");
  });
  ExpectCleanedUp();
}

TEST_P(CleanupTest, AStartInAGroupThatHasJustEndedIsTakenBack) {
  AskAt<StartRequested>("group/one INACTIVE", "group/one");
  world_.Run([this](Nursery& nursery) -> Task<void> {
    const auto failing = [](const GroupWorld* world,
                            Nursery& within) -> Task<void> {
      co_await within.Group<void>(
          "group", Strategy::kOneForOne,
          [world](Nursery& group) -> Task<void> {
            co_await world->StartActor(group, "one");
          },
          kBodyOnce);
      co_await absl::InternalError("changed my mind");
    };
    failed_ = co_await Try(failing(&world_, nursery));
    state_then_ = world_.State("group/one");
  });
  ExpectCleanedUp();
}

INSTANTIATE_TEST_SUITE_P(Everywhere, CleanupTest,
                         testing::Values(WorldKind::kSimulated,
                                         WorldKind::kProcesses),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace espalier
