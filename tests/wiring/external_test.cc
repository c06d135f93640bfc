#include "supervisor/nursery/external.h"

#include <string>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/links/links.h"
#include "services/nginx/nginx.h"
#include "services/postgres/postgres.h"
#include "services/report/report.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/environment_test.h"

namespace espalier {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

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

// A server with two endpoints, here two servers.
struct Broker {
  HttpUrl url;
  Http2Url grpc;

  ESPALIER_HANDLE(Broker, url, grpc);
};

class ExternalBrokerTest : public testing::Test {
 protected:
  static Task<Broker> Start(Nursery& nursery) {
    auto json = co_await StartLinks<HttpUrl>(nursery, std::nullopt);
    auto grpc =
        co_await StartLinks<Http2Url>(nursery, std::nullopt, {.name = "grpc"});
    co_return Broker{.url = json.url, .grpc = grpc.url};
  }

  void SetUp() override {
    elsewhere_ = StartForTest(&Start);
    ASSERT_NE(elsewhere_, nullptr);
    url_ = Resolve(elsewhere_->handles().url);
    grpc_ = Resolve(elsewhere_->handles().grpc);
  }

  static absl::Status Use(ExternalUrls urls) {
    return TestEnvironment<Broker>::Start(
               "user",
               [urls](Nursery& nursery) -> Task<Broker> {
                 co_return co_await External<Broker>(
                     nursery, "broker", urls,
                     {.timeout = absl::Milliseconds(200)});
               })
        .status();
  }

  std::unique_ptr<TestEnvironment<Broker>> elsewhere_;
  std::string url_;
  std::string grpc_;
};

TEST_F(ExternalBrokerTest, EachEndpointIsAskedInItsProtocol) {
  const std::string url = url_, grpc = grpc_;
  const auto broker =
      StartForTest([url, grpc](Nursery& nursery) -> Task<Broker> {
        co_return co_await External<Broker>(nursery, "broker",
                                            {{"url", url}, {"grpc", grpc}});
      });
  ASSERT_NE(broker, nullptr);
  EXPECT_EQ(Resolve(broker->handles().url), url_);
  EXPECT_EQ(Resolve(broker->handles().grpc), grpc_);
  EXPECT_EQ(broker->handles().grpc.service(), "broker-grpc");
}

TEST_F(ExternalBrokerTest, NamesTheEndpointThatIsNotWhatItSays) {
  EXPECT_THAT(Use({{"url", url_}, {"grpc", url_}}).message(),
              HasSubstr("broker-grpc"));
  EXPECT_THAT(Use({{"url", grpc_}, {"grpc", grpc_}}).message(),
              AllOf(HasSubstr("broker"), Not(HasSubstr("broker-grpc"))));
}

TEST_F(ExternalBrokerTest, WantsAnAddressForEachEndpointAndNoOther) {
  EXPECT_THAT(Use({{"url", url_}}).message(),
              HasSubstr("'broker-grpc' is external at ''"));
  EXPECT_THAT(Use({{"url", url_}, {"grpc", grpc_}, {"http", url_}}).message(),
              HasSubstr("'broker' is given an address for 'http', and has no "
                        "such endpoint"));
}

TEST_F(ExternalTest, TlsIsTakenForTlsOnly) {
  auto front = StartForTest([](Nursery& nursery) -> Task<NginxTls> {
    auto links = co_await StartLinks<HttpUrl>(nursery, std::nullopt);
    co_return co_await StartNginxTls(nursery, links.url);
  });
  ASSERT_NE(front, nullptr);
  const std::string tls = Resolve(front->handles().url);
  EXPECT_EQ(UseAs<HttpsUrl>(tls), absl::OkStatus());
  EXPECT_EQ(UseAs<Http2TlsUrl>(tls), absl::OkStatus());
  EXPECT_THAT(UseAs<HttpUrl>(tls).message(), HasSubstr("of the kind http://"));
  EXPECT_THAT(UseAs<HttpsUrl>(url_).message(),
              HasSubstr("of the kind https://"));
  // The same without a scheme that gives it away.
  const auto bare = [](const std::string& url) {
    return url.substr(url.rfind('/') + 1);
  };
  EXPECT_EQ(UseAs<HttpsUrl>(bare(tls)), absl::OkStatus());
  EXPECT_THAT(UseAs<HttpsUrl>(bare(url_)).message(), HasSubstr("theirs"));
  EXPECT_THAT(UseAs<HttpUrl>(bare(tls)).message(), HasSubstr("theirs"));
}

TEST_F(ExternalTest, PostgresIsTakenForPostgresOnly) {
  auto postgres = StartForTest([](Nursery& nursery) -> Task<Postgres> {
    co_return co_await StartPostgres(nursery);
  });
  ASSERT_NE(postgres, nullptr);
  EXPECT_EQ(
      UseAs<PostgresUrl>(EndpointAccess::Address(postgres->handles().url).path),
      absl::OkStatus());
  EXPECT_THAT(UseAs<PostgresUrl>(url_.substr(url_.rfind('/') + 1)).message(),
              HasSubstr("theirs"));
}

}  // namespace
}  // namespace espalier
