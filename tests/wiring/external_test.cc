#include "supervisor/nursery/external.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "services/links/links.h"
#include "services/report/report.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

// A links server which belongs to an environment of its own.
class ExternalTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = TestEnvironment<Links<HttpUrl>>::Start(
        "external_test", [](Nursery& nursery) -> Task<Links<HttpUrl>> {
          co_return co_await StartLinks<HttpUrl>(nursery, std::nullopt);
        });
    ASSERT_TRUE(started.ok()) << started.status();
    elsewhere_ = *std::move(started);
    url_ = Resolve(elsewhere_->handles().url);
  }

  template <typename T>
  absl::Status UseAs(std::string url) {
    return TestEnvironment<T>::Start(
               "user",
               [url](Nursery& nursery) -> Task<T> {
                 co_return co_await External<T>(
                     nursery, "theirs", url,
                     {.timeout = absl::Milliseconds(200)});
               })
        .status();
  }

  std::unique_ptr<TestEnvironment<Links<HttpUrl>>> elsewhere_;
  std::string url_;
};

TEST_F(ExternalTest, IsAHandleLikeAnyOther) {
  const std::string url = url_;
  auto report = TestEnvironment<Report>::Start(
      "user", [url](Nursery& nursery) -> Task<Report> {
        auto links = co_await External<Links<HttpUrl>>(nursery, "theirs", url);
        co_return co_await StartReport(nursery, links);
      });
  EXPECT_TRUE(report.ok()) << report.status();
}

TEST_F(ExternalTest, IsRefusedWhenItIsNotWhatItSays) {
  EXPECT_EQ(UseAs<HttpUrl>(url_), absl::OkStatus());
  const absl::Status http2 = UseAs<Http2Url>(url_);
  EXPECT_TRUE(absl::StrContains(http2.message(), "theirs")) << http2;
  const absl::Status redis = UseAs<RedisUrl>(url_.substr(url_.rfind('/') + 1));
  EXPECT_TRUE(absl::StrContains(redis.message(), "theirs")) << redis;
}

TEST_F(ExternalTest, IsRefusedAtAnAddressOfAnotherKindBeforeItIsAsked) {
  const absl::Status status = UseAs<RedisUrl>(url_);
  EXPECT_TRUE(absl::StrContains(status.message(),
                                "'theirs' is external at http://127.0.0.1:"))
      << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "redis://")) << status;
}

TEST_F(ExternalTest, IsRefusedWhenNobodyAnswers) {
  // Port 1 is nobody's.
  const absl::Status status = UseAs<TcpAddress>("127.0.0.1:1");
  EXPECT_TRUE(absl::StrContains(status.message(), "theirs")) << status;
}

}  // namespace
}  // namespace espalier
