// Services that run and do not answer any more, with real processes.

#include <csignal>
#include <memory>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

using testing::HasSubstr;
using TestSite = TestEnvironment<int>;

constexpr char kMisbehave[] = "tests/environments/misbehave";

const Liveness kQuick = {.interval = absl::Milliseconds(20),
                         .timeout = absl::Milliseconds(100),
                         .failures = 3};

enum class AskedBy { kUs, kAProgram };

Task<void> StartServer(Nursery& nursery, std::string name, std::string mode,
                       std::optional<Liveness> liveness,
                       AskedBy asked_by = AskedBy::kUs) {
  Service service = nursery.NewService(name);
  const TcpAddress address = service.Reserve<TcpAddress>();
  Command command{.program = Program::Built(kMisbehave),
                  .arguments = {mode, address.port()},
                  .readiness = Readiness::Answers(address, "?\n", "ok"),
                  .liveness = liveness};
  if (asked_by == AskedBy::kAProgram) {
    command.readiness =
        Readiness::Probe({.program = Program::Built(kMisbehave),
                          .arguments = {"ask", address.port()}});
  }
  command.restart.max_runs = 2;
  // A frozen process takes no notice of SIGTERM.
  command.stop.grace = absl::Milliseconds(50);
  co_await service.Start(std::move(command));
}

bool LivenessLost(const ServiceUnderTest& service) {
  return service.state == ServiceState::kStopping &&
         service.why.find("liveness lost") != std::string::npos;
}

bool ReadyAgain(const ServiceUnderTest& service) {
  return service.state == ServiceState::kReady && service.generation == 2;
}

class FrozenTest : public testing::TestWithParam<AskedBy> {};

TEST_P(FrozenTest, AFrozenServerIsRestarted) {
  auto site = TestSite::Start("frozen", [](Nursery& nursery) -> Task<int> {
    co_await StartServer(nursery, "server", "answer", kQuick, GetParam());
    co_return 0;
  });
  ASSERT_TRUE(site.ok()) << site.status();
  (*site)->Signal("server", SIGSTOP);
  EXPECT_TRUE((*site)->WaitFor("server", LivenessLost).ok());
  const auto again = (*site)->WaitFor("server", ReadyAgain);
  ASSERT_TRUE(again.ok()) << again.status();
  // Asked to end, it is let go on as well.
  EXPECT_EQ(again->last_exit, ExitResult::Signaled(SIGTERM));
  EXPECT_TRUE((*site)->Stop().ok());
}

INSTANTIATE_TEST_SUITE_P(AskedBy, FrozenTest,
                         testing::Values(AskedBy::kUs, AskedBy::kAProgram));

TEST(LivenessTest, AServerThatStopsAnsweringIsRestartedAndGivenUpInTheEnd) {
  auto site = TestSite::Start("deaf", [](Nursery& nursery) -> Task<int> {
    // It answers nobody either, but nobody asks.
    co_await StartServer(nursery, "left_alone", "deaf", std::nullopt);
    co_await StartServer(nursery, "server", "deaf", kQuick);
    co_return 0;
  });
  ASSERT_TRUE(site.ok()) << site.status();
  const auto again = (*site)->WaitFor("server", ReadyAgain);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->last_exit, ExitResult::Signaled(SIGTERM));
  const absl::Status ended = (*site)->AwaitEnd();
  EXPECT_THAT(std::string(ended.message()),
              HasSubstr("it did not answer any more: no good answer within "
                        "100ms"));
  EXPECT_EQ((*site)->Get("left_alone").generation, 1u);
}

}  // namespace
}  // namespace espalier
