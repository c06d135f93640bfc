// The environment `two`, for real: its servers, its processes, real kills.

#include "environments/two.h"

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/common/testing/http_client.h"
#include "supervisor/testing/test_directory.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

using testing::HasSubstr;
using TwoEnvironment = TestEnvironment<TwoSite>;

constexpr char kTarget[] = "https://example.com/a/long/way";

absl::StatusOr<std::unique_ptr<TwoEnvironment>> StartTwo(
    TwoOptions two = {}, TestEnvironmentOptions options = {}) {
  return TwoEnvironment::Start(
      "two",
      [two](Nursery& nursery) -> Task<TwoSite> {
        co_return co_await Two(nursery, two);
      },
      std::move(options));
}

int PortOf(const HttpUrl& url) {
  const std::string text = Resolve(url);
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(text.substr(text.rfind(':') + 1), &port));
  return port;
}

// Makes a link through the gateway, and gives its code.
std::string MakeLink(const HttpUrl& gateway, const std::string& target) {
  const HttpAnswer answer =
      HttpCall(PortOf(gateway), "POST", "/links",
               absl::StrCat("{\"url\":\"", target, "\"}"));
  EXPECT_EQ(answer.status, 201) << answer.body;
  return nlohmann::json::parse(answer.body, nullptr, false)
      .value("code", std::string());
}

// Where following the code leads.
std::string Follow(const HttpUrl& gateway, const std::string& code) {
  HttpAnswer answer = HttpCall(PortOf(gateway), "GET", absl::StrCat("/", code));
  EXPECT_EQ(answer.status, 302) << answer.body;
  return answer.headers["location"];
}

TEST(TwoTest, ALinkMadeAtTheGatewayIsFollowedAndReported) {
  auto two = StartTwo();
  ASSERT_TRUE(two.ok()) << two.status();
  const TwoSite& site = (*two)->handles();

  const std::string code = MakeLink(site.gateway.url, kTarget);
  EXPECT_EQ(Follow(site.gateway.url, code), kTarget);

  const HttpAnswer status =
      HttpCall(PortOf(site.gateway.url), "GET", "/status");
  EXPECT_EQ(status.status, 200);
  EXPECT_TRUE(nlohmann::json::accept(status.body)) << status.body;

  ASSERT_TRUE(site.report.has_value());
  const HttpAnswer report = HttpCall(PortOf(site.report->url), "GET", "/");
  EXPECT_EQ(report.status, 200);
  EXPECT_THAT(report.body, HasSubstr(code));
  EXPECT_THAT(report.body, HasSubstr(kTarget));

  EXPECT_EQ((*two)->Stop(), absl::OkStatus());
}

TEST(TwoTest, BadRequestsAreRefusedWithAReason) {
  auto two = StartTwo({.report = false});
  ASSERT_TRUE(two.ok()) << two.status();
  const int port = PortOf((*two)->handles().gateway.url);
  for (const char* body : {"", "{", "[]", "{\"url\":7}", "{\"url\":\"x\"}",
                           "{\"url\":\"ftp://example.com\"}"}) {
    const HttpAnswer answer = HttpCall(port, "POST", "/links", body);
    EXPECT_GE(answer.status, 400) << body;
    EXPECT_LT(answer.status, 500) << body;
    EXPECT_GT(answer.body.size(), 10u) << body;
  }
  EXPECT_EQ(HttpCall(port, "GET", "/no-such-code").status, 404);
}

TEST(TwoTest, AfterAKillTheSameUrlWorksAgainAndNothingIsLost) {
  auto two = StartTwo();
  ASSERT_TRUE(two.ok()) << two.status();
  const TwoSite site = (*two)->handles();
  const std::string code = MakeLink(site.gateway.url, kTarget);

  for (const char* service : {"links", "gateway", "links-json", "report"}) {
    const pid_t before = (*two)->Get(service).pid;
    auto restarted = (*two)->KillAndAwaitRestart(service);
    ASSERT_TRUE(restarted.ok()) << restarted.status();
    EXPECT_NE(restarted->pid, before);
    EXPECT_EQ(Follow(site.gateway.url, code), kTarget) << service;
    EXPECT_THAT(HttpCall(PortOf(site.report->url), "GET", "/").body,
                HasSubstr(code))
        << service;
  }
}

TEST(TwoTest, ARequestThatComesWhileTheGatewayRestartsIsServed) {
  auto two = StartTwo({.report = false});
  ASSERT_TRUE(two.ok()) << two.status();
  const HttpUrl url = (*two)->handles().gateway.url;
  const std::string code = MakeLink(url, kTarget);
  (*two)->Signal("gateway", SIGKILL);
  // Nobody waits for the restart: the connection does, in the kernel. Only one
  // that the killed process had already accepted is lost, so there may be one
  // such answer.
  HttpAnswer answer = HttpCall(PortOf(url), "GET", absl::StrCat("/", code));
  if (answer.status == 0) {
    answer = HttpCall(PortOf(url), "GET", absl::StrCat("/", code));
  }
  EXPECT_EQ(answer.status, 302);
}

// Clients ask all the time, each request on a connection of its own.
TEST(TwoTest, F82NoConnectionIsRefusedWhileTheGatewayRestartsUnderLoad) {
  auto two = StartTwo({.report = false});
  ASSERT_TRUE(two.ok()) << two.status();
  const HttpUrl url = (*two)->handles().gateway.url;
  const int port = PortOf(url);
  const std::string path = absl::StrCat("/", MakeLink(url, kTarget));
  std::atomic<bool> over = false;
  std::atomic<int> served = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!over) {
        ++(HttpCall(port, "GET", path).status == 302 ? served : failed);
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE((*two)->Restart("gateway").ok());
  }
  over = true;
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(served, 0);
}

TEST(TwoTest, LinksAreKeptFromRunToRun) {
  TestDirectory directory;
  std::string code;
  {
    auto two = StartTwo({}, {.data_dir = directory.path()});
    ASSERT_TRUE(two.ok()) << two.status();
    code = MakeLink((*two)->handles().gateway.url, kTarget);
  }
  auto two = StartTwo({}, {.data_dir = directory.path()});
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(Follow((*two)->handles().gateway.url, code), kTarget);
}

TEST(TwoTest, TwoInstancesRunSideBySideAndTheSameOneOnce) {
  TestDirectory directory;
  auto first = StartTwo({.report = false},
                        {.data_dir = directory.path(), .instance = "first"});
  ASSERT_TRUE(first.ok()) << first.status();
  auto second = StartTwo({.report = false},
                         {.data_dir = directory.path(), .instance = "second"});
  ASSERT_TRUE(second.ok()) << second.status();
  MakeLink((*first)->handles().gateway.url, kTarget);
  MakeLink((*second)->handles().gateway.url, kTarget);

  auto again = StartTwo({.report = false},
                        {.data_dir = directory.path(), .instance = "first"});
  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
  EXPECT_THAT(std::string(again.status().message()),
              HasSubstr(absl::StrCat(getpid())));
  EXPECT_EQ(Follow((*first)->handles().gateway.url,
                   MakeLink((*first)->handles().gateway.url, kTarget)),
            kTarget);
}

TEST(TwoTest, TwentyCopiesAtOnce) {
  constexpr int kCopies = 20;
  std::vector<absl::StatusOr<std::unique_ptr<TwoEnvironment>>> copies(kCopies);
  std::vector<std::thread> starters;
  for (auto& copy : copies) {
    starters.emplace_back([&copy] { copy = StartTwo(); });
  }
  for (std::thread& starter : starters) starter.join();
  std::vector<std::string> codes;
  for (auto& copy : copies) {
    ASSERT_TRUE(copy.ok()) << copy.status();
    codes.push_back(
        MakeLink((*copy)->handles().gateway.url,
                 absl::StrCat("https://example.com/", codes.size())));
  }
  // Each has its own links, and its own only.
  for (int i = 0; i < kCopies; ++i) {
    EXPECT_EQ(Follow((*copies[i])->handles().gateway.url, codes[i]),
              absl::StrCat("https://example.com/", i));
  }
}

}  // namespace
}  // namespace espalier
