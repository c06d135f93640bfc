// Tests that fail, to see what is said then.

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/links/links.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/environment_test.h"
#include "supervisor/testing/service_matchers.h"

namespace espalier {
namespace {

Task<int> RunScript(Nursery& nursery, std::string script, Readiness readiness) {
  Service service = nursery.NewService("script");
  co_await service.Start({.program = Program::System("bash", "bash"),
                          .arguments = {"-c", Text(script)},
                          .readiness = readiness,
                          .restart = {.when = RestartWhen::kNever}});
  co_return 0;
}

TEST(FailingExample, ExpectsTheWrongState) {
  const auto links = StartForTest([](Nursery& nursery) -> Task<Links<HttpUrl>> {
    co_return co_await StartLinks<HttpUrl>(nursery, {});
  });
  ASSERT_NE(links, nullptr);
  EXPECT_THAT(links->Get("links"), StateIs(ServiceState::kFailed));
}

TEST(FailingExample, AsksForAServiceThatThereIsNot) {
  const auto links = StartForTest([](Nursery& nursery) -> Task<Links<HttpUrl>> {
    co_return co_await StartLinks<HttpUrl>(nursery, {});
  });
  ASSERT_NE(links, nullptr);
  links->Signal("lnks", 9);
}

TEST(FailingExample, CannotStart) {
  const auto links = StartForTest([](Nursery& nursery) -> Task<Links<HttpUrl>> {
    co_return co_await StartLinks<HttpUrl>(nursery, {},
                                           {.name = "No Such Name"});
  });
  EXPECT_EQ(links, nullptr);
}

TEST(FailingExample, FailsWhileItStarts) {
  const auto script = StartForTest([](Nursery& nursery) -> Task<int> {
    co_return co_await RunScript(nursery, "echo no such table; exit 3",
                                 Readiness::Completed());
  });
  EXPECT_EQ(script, nullptr);
}

class FailingSuite : public EnvironmentTestSuite<FailingSuite, int> {
 public:
  static Task<int> Start(Nursery& nursery) {
    co_return co_await RunScript(nursery,
                                 "trap 'echo goodbye; exit 0' TERM\n"
                                 "echo hello; echo >&$READY_FD\n"
                                 "while :; do sleep 1000 & wait; done",
                                 Readiness::Newline());
  }
};

TEST_F(FailingSuite, Fails) { ADD_FAILURE() << "on purpose"; }

TEST_F(FailingSuite, Passes) {
  EXPECT_THAT(environment().Get("script"), IsReady());
}

// With a TEST_TIMEOUT of some seconds.
TEST(FailingDeadline, OfWaits) {
  const auto script = StartForTest([](Nursery& nursery) -> Task<int> {
    co_return co_await RunScript(nursery,
                                 "echo hello; echo >&$READY_FD; sleep 1000",
                                 Readiness::Newline());
  });
  ASSERT_NE(script, nullptr);
  EXPECT_EQ(script
                ->WaitFor("script",
                          [](const ServiceUnderTest& now) {
                            return now.generation == 2;
                          })
                .status(),
            absl::OkStatus());
  EXPECT_EQ(script->AwaitEnd(), absl::OkStatus());
}

TEST(FailingDeadline, OfAStart) {
  const auto script = StartForTest([](Nursery& nursery) -> Task<int> {
    co_return co_await RunScript(nursery,
                                 "trap '' TERM; echo never ready; sleep 1000",
                                 Readiness::Newline());
  });
  EXPECT_EQ(script, nullptr);
}

}  // namespace
}  // namespace espalier
