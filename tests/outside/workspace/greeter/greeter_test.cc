#include "greeter/greeter.h"

#include <csignal>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/testing/http_client.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/environment_test.h"
#include "supervisor/testing/faulty_edge.h"
#include "supervisor/testing/service_matchers.h"

namespace hello {
namespace {

using espalier::ExitResult;
using espalier::IsReady;
using espalier::LastExit;

std::string Greeting(const Greeter& greeter) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(
      espalier::EndpointAccess::Address(greeter.url).port, &port));
  return espalier::HttpCall(port, "GET", "/").body;
}

class GreeterTest
    : public espalier::EnvironmentTestSuite<GreeterTest, Greeter> {
 public:
  static espalier::Task<Greeter> Start(espalier::Nursery& nursery) {
    co_return co_await StartGreeter(nursery, {.greeting = "Good morning!"});
  }
};

TEST_F(GreeterTest, Greets) {
  EXPECT_EQ(Greeting(handles()), "Good morning!\n");
  EXPECT_THAT(environment().Get("greeter"), IsReady());
}

TEST_F(GreeterTest, GreetsAgainAfterItDied) {
  const auto again = environment().KillAndAwaitRestart("greeter");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_THAT(*again, LastExit(testing::Eq(ExitResult::Signaled(SIGKILL))));
  EXPECT_EQ(Greeting(handles()), "Good morning!\n");
}

TEST_F(GreeterTest, GreetsOverASlowConnection) {
  espalier::FaultyEdge edge;
  const Greeter slow = edge.Through(handles());
  edge.SetLatency(absl::Milliseconds(20));
  const absl::Time began = absl::Now();
  EXPECT_EQ(Greeting(slow), "Good morning!\n");
  EXPECT_GE(absl::Now() - began, absl::Milliseconds(40));
}

}  // namespace
}  // namespace hello
