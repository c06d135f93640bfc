// What a command says of its process, and what the process says of itself, from
// a start function to the system and back.
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/environment_test.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

Command Child() {
  return Command{.program =
                     Program::Built("supervisor/keeper/testcases/child")};
}

TEST(ProcessTest, IsOfTheKindThatItsCommandAsksFor) {
  const auto test = StartForTest([](Nursery& nursery) -> Task<int> {
    Command command = Child();
    command.arguments = {Text("attributes")};
    command.readiness = Readiness::Completed();
    command.process = {
        .nice = 19,
        .umask = 027,
        .no_new_privs = true,
        .limits = {
            {.what = ProcessLimit::What::kOpenFiles, .soft = 50, .hard = 60}}};
    Service service = nursery.NewService("shot");
    co_await service.Start(std::move(command));
    co_return 0;
  });
  ASSERT_NE(test, nullptr);
  std::ifstream log(test->Get("shot").log_file);
  const std::string printed((std::istreambuf_iterator<char>(log)), {});
  EXPECT_THAT(printed, testing::HasSubstr(
                           "umask 027 nice 19 files 50/60 no_new_privs 1\n"));
}

// Its probe never ends, and neither would what that has started: each is gone
// before the next one runs.
TEST(ProcessTest, F43AProbeThatHangsIsKilledWithItsTree) {
  // Of a user of the services' own, perhaps.
  std::string directory = testing::TempDir() + "/probes-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  ASSERT_EQ(chmod(directory.c_str(), 0777), 0);
  const std::string pids = directory + "/pids";
  const absl::Status status =
      TestEnvironment<int>::Start("probed", [&](Nursery& nursery) -> Task<int> {
        Command command = Child();
        command.arguments = {Text("sleep")};
        command.readiness = Readiness::Probe(
            {.program = Program::Built("supervisor/keeper/testcases/child"),
             .arguments = {"hang", pids},
             .timeout = absl::Milliseconds(50)});
        command.start_timeout = absl::Seconds(1);
        Service service = nursery.NewService("probed");
        co_await service.Start(std::move(command));
        co_return 0;
      }).status();
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("it took longer than 50ms"));
  std::ifstream file(pids);
  const std::string seen((std::istreambuf_iterator<char>(file)), {});
  EXPECT_GT(std::count(seen.begin(), seen.end(), 'h'), 1) << seen;
  EXPECT_THAT(seen, testing::Not(testing::HasSubstr("still there"))) << seen;
}

TEST(ProcessTest, IsStartedAgainWhenItsWatchdogIsLost) {
  const auto test = StartForTest([](Nursery& nursery) -> Task<int> {
    Command command = Child();
    command.arguments = {Text("notify"), Text("STATUS=here"), Text("READY=1")};
    command.readiness = Readiness::Notify(absl::Milliseconds(50));
    Service service = nursery.NewService("pet");
    co_await service.Start(std::move(command));
    co_return 0;
  });
  ASSERT_NE(test, nullptr);
  const auto again = test->WaitFor("pet", [](const ServiceUnderTest& now) {
    return now.generation == 2 && now.state == ServiceState::kReady;
  });
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->last_exit, ExitResult::Signaled(SIGTERM));
}

}  // namespace
}  // namespace espalier
