// Starts that fail, or are cancelled, with real processes: nothing runs on, and
// (under AddressSanitizer) nothing leaks.

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

using testing::HasSubstr;
using TestSite = TestEnvironment<int>;

constexpr char kMisbehave[] = "tests/environments/misbehave";

Task<void> StartListening(Nursery& nursery, std::string name) {
  Service service = nursery.NewService(name);
  const TcpAddress address = service.Reserve<TcpAddress>();
  co_await service.Start({.program = Program::Built(kMisbehave),
                          .arguments = {"listen", address.port()},
                          .readiness = Readiness::Connects(address)});
}

// Runs, and is never ready.
Task<void> StartHanging(Nursery& nursery, std::string name) {
  Service service = nursery.NewService(name);
  const TcpAddress address = service.Reserve<TcpAddress>();
  co_await service.Start({.program = Program::Built(kMisbehave),
                          .arguments = {"never_ready", address.port()},
                          .readiness = Readiness::Connects(address)});
}

Task<void> StartMissing(Nursery& nursery, std::string name) {
  Service service = nursery.NewService(name);
  co_await service.Start({.program = Program::Built("no/such/program")});
}

absl::StatusOr<std::unique_ptr<TestSite>> Start(
    TaskFunction<Task<int>(Nursery&)> body) {
  return TestSite::Start("cancel", std::move(body));
}

TEST(CancelTest, AFailingSiblingEndsAStartWhoseSpawnIsInFlight) {
  auto site = Start([](Nursery& nursery) -> Task<int> {
    // All three spawns are asked for in one turn; the missing program is known
    // before the keeper has answered for the others.
    absl::Status all = (co_await Try(All(StartHanging(nursery, "hanging"),
                                         StartListening(nursery, "listening"),
                                         StartMissing(nursery, "missing"))))
                           .status();
    EXPECT_THAT(std::string(all.message()), HasSubstr("no/such/program"));
    co_return 0;
  });
  ASSERT_TRUE(site.ok()) << site.status();
  for (const char* name : {"hanging", "listening", "missing"}) {
    EXPECT_EQ((*site)->Get(name).pid, 0) << name << " runs on";
  }
  // Guard and keeper, and no service.
  EXPECT_EQ(WatchTree((*site)->guard_pid()).size(), 2u);
}

TEST(CancelTest, ANurseryThatIsLeftByAnErrorIsEmpty) {
  auto site = Start([](Nursery& nursery) -> Task<int> {
    co_await StartListening(nursery, "outer");
    absl::StatusOr<int> inner = co_await Try(
        nursery.Group<int>("inner", Strategy::kOneForOne,
                           [](Nursery& group) -> Task<int> {
                             co_await StartListening(group, "one");
                             co_await StartListening(group, "two");
                             co_return absl::InternalError("left by an error");
                           },
                           {.restart = {.when = RestartWhen::kNever}}));
    EXPECT_EQ(inner.status(), absl::InternalError("left by an error"));
    co_return 0;
  });
  ASSERT_TRUE(site.ok()) << site.status();
  EXPECT_EQ((*site)->Get("inner/one").pid, 0);
  EXPECT_EQ((*site)->Get("inner/two").pid, 0);
  EXPECT_EQ((*site)->Get("outer").state, ServiceState::kReady);
  EXPECT_EQ(WatchTree((*site)->guard_pid()).size(), 3u);
}

TEST(CancelTest, AnEnvironmentThatFailsWhileStartingEndsWithTheReason) {
  auto site = Start([](Nursery& nursery) -> Task<int> {
    co_await All(StartListening(nursery, "listening"),
                 StartHanging(nursery, "hanging"),
                 StartMissing(nursery, "missing"));
    co_return 0;
  });
  EXPECT_THAT(std::string(site.status().message()),
              HasSubstr("no/such/program"));
}

}  // namespace
}  // namespace espalier
