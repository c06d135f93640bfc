// The same test for an environment of its own and for one that runs already:
//
//   bazel test //tests/testing:follows_links_test
//   bazel test //tests/testing:follows_links_test
//       --test_env=ESPALIER_TEST_ENVIRONMENT=two

#include <string>

#include "absl/strings/numbers.h"
#include "environments/two.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/testing/http_client.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/environment_test.h"
#include "supervisor/testing/service_matchers.h"

namespace espalier {
namespace {

class FollowsLinksTest
    : public EnvironmentTestSuite<FollowsLinksTest, TwoSite> {
 public:
  static constexpr char kName[] = "two";
  static Task<TwoSite> Start(Nursery& nursery) {
    co_return co_await Two(nursery, {});
  }
};

TEST_F(FollowsLinksTest, ThroughTheGateway) {
  int port = 0;
  ASSERT_TRUE(absl::SimpleAtoi(
      EndpointAccess::Address(handles().gateway.url).port, &port));
  const HttpAnswer made =
      HttpCall(port, "POST", "/links",
               R"({"url": "https://example.com/", "code": "x"})");
  EXPECT_TRUE(made.status == 200 || made.status == 201) << made.body;
  EXPECT_EQ(HttpCall(port, "GET", "/x").status, 302);
  EXPECT_THAT(environment().Get("gateway"), IsReady());
  const auto again = environment().KillAndAwaitRestart("gateway");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(HttpCall(port, "GET", "/x").status, 302);
  const auto restarted = environment().Restart("links");
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  EXPECT_THAT(*restarted, IsReady());
  EXPECT_EQ(HttpCall(port, "GET", "/x").status, 302);
}

TEST_F(FollowsLinksTest, AMisspeltNameIsAnErrorThatSaysWhatThereIs) {
  const absl::Status error =
      environment()
          .WaitFor("gatway", [](const auto& now) { return now.pid == 0; })
          .status();
  EXPECT_TRUE(absl::IsNotFound(error)) << error;
  EXPECT_THAT(error.message(),
              testing::ContainsRegex("is called `gatway`.*gateway"));
}

}  // namespace
}  // namespace espalier
