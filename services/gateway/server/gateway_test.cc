// Tests of the gateway's API, before a real links server.

#include "services/gateway/server/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "services/common/event_loop.h"
#include "services/common/http_server.h"
#include "services/common/listener.h"
#include "services/common/testing/child_server.h"
#include "services/common/testing/http_client.h"
#include "services/common/testing/temp_path.h"
#include "services/gateway/server/fake_redis.h"
#include "services/gateway/server/links_client.h"
#include "services/gateway/server/redis_cache.h"

namespace espalier::gateway {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// Patient, so that a slow machine fails no test.
const LinksClientOptions kPatient = {.deadline = absl::Minutes(1),
                                     .check_deadline = absl::Minutes(1)};

class GatewayTest : public testing::Test {
 protected:
  ~GatewayTest() override {
    if (!thread_.joinable()) return;
    loop_->Quit();
    thread_.join();
  }

  void StartLinks() {
    links_server_ = std::make_unique<ChildServer>(
        "services/links/links_server",
        std::vector<std::string>{"--protocol=http2",
                                 "--store=sqlite:" + (directory_ / "links.db")},
        &links_listener_);
  }

  void StartGateway(LinksClientOptions options = kPatient) {
    if (cache_ == nullptr) cache_ = std::make_unique<NoCache>();
    links_ = std::make_unique<LinksClient>(*loop_, links_listener_.address(),
                                           options);
    gateway_ = std::make_unique<Gateway>(*links_, *cache_);
    Listener listener = TestListener();
    port_ = listener.port();
    auto server = HttpServer::Create(
        *loop_, std::move(listener),
        [this](HttpRequest request, HttpReply reply) {
          gateway_->Handle(std::move(request), std::move(reply));
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    thread_ = std::thread([this] { loop_->Run(); });
  }

  void UseRedis() {
    Listener listener = TestListener();
    const RedisAddress address = {
        .host = "127.0.0.1", .port = listener.port(), .path = ""};
    redis_ = std::make_unique<FakeRedis>(*loop_, std::move(listener));
    cache_ = std::make_unique<RedisCache>(
        *loop_, address, RedisCacheOptions{.timeout = absl::Minutes(1)});
  }

  // Calls `fn` on the loop's thread and waits for its end.
  void OnLoop(absl::AnyInvocable<void() &&> fn) {
    absl::Notification done;
    loop_->Post([&] {
      std::move(fn)();
      done.Notify();
    });
    done.WaitForNotification();
  }

  HttpAnswer Post(const std::string& body) {
    return HttpCall(port_, "POST", "/links", body);
  }
  HttpAnswer Get(const std::string& path) {
    return HttpCall(port_, "GET", path);
  }
  json Status() { return json::parse(Get("/status").body, nullptr, false); }

  TempPath directory_;
  Listener links_listener_ = TestListener();
  std::unique_ptr<ChildServer> links_server_;
  std::unique_ptr<EventLoop> loop_ = std::make_unique<EventLoop>();
  std::unique_ptr<FakeRedis> redis_;
  std::unique_ptr<Cache> cache_;
  std::unique_ptr<LinksClient> links_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
  int port_ = 0;
};

TEST_F(GatewayTest, CreatesAndFollows) {
  StartLinks();
  StartGateway();
  const HttpAnswer created = Post(R"({"url": "https://example.com/?a=b"})");
  ASSERT_EQ(created.status, 201) << created.body;
  const json body = json::parse(created.body, nullptr, false);
  EXPECT_EQ(body.value("url", ""), "https://example.com/?a=b");
  EXPECT_EQ(body.value("short", ""), "/" + body.value("code", "none"));
  const HttpAnswer followed = Get(body.value("short", ""));
  EXPECT_EQ(followed.status, 302);
  EXPECT_EQ(followed.headers.at("location"), "https://example.com/?a=b");
}

TEST_F(GatewayTest, TakesACodeOfTheCallersChoice) {
  StartLinks();
  StartGateway();
  EXPECT_EQ(Post(R"({"url": "https://a", "code": "mine"})").status, 201);
  EXPECT_EQ(Post(R"({"url": "https://b", "code": "mine"})").status, 409);
  EXPECT_EQ(Get("/mine").headers.at("location"), "https://a");
}

TEST_F(GatewayTest, RefusesBadRequestsWithAReason) {
  StartLinks();
  StartGateway();
  for (const char* body :
       {"{", "[]", "{}", R"({"url": 3})", R"({"url": ""})",
        R"({"url": "ftp://a"})", R"({"url": "https://a\r\nX: y"})",
        R"({"url": "https://a", "code": 3})",
        R"({"url": "https://a", "code": "a/b"})",
        R"({"url": "https://a", "code": "status"})"}) {
    const HttpAnswer answer = Post(body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body, HasSubstr("\"error\"")) << body;
  }
  EXPECT_EQ(Get("/none").status, 404);
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Get("/a/b").status, 404);
  EXPECT_EQ(Get("/links").status, 405);
  EXPECT_EQ(HttpCall(port_, "DELETE", "/none").status, 405);
  EXPECT_EQ(HttpCall(port_, "POST", "/status").status, 405);
  EXPECT_EQ(Post(std::string(70000, 'x')).status, 413);
}

TEST_F(GatewayTest, TellsItsStatus) {
  StartLinks();
  StartGateway();
  EXPECT_EQ(Get("/health").body, "ok\n");
  // Once a call was answered, the connection is there, and Check does not wait
  // for one.
  EXPECT_EQ(Get("/none").status, 404);
  const json status = Status();
  EXPECT_EQ(status["links"],
            (json{{"ok", true}, {"address", links_listener_.address()}}));
  EXPECT_EQ(status["cache"]["kind"], "none");
  EXPECT_EQ(status["requests"], 3);
}

TEST_F(GatewayTest, SaysWhenLinksCannotBeReached) {
  StartGateway({.deadline = absl::Milliseconds(50),
                .check_deadline = absl::Milliseconds(50)});
  const HttpAnswer answer = Get("/a");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("did not answer in time"));
  EXPECT_EQ(Post(R"({"url": "https://a"})").status, 503);
  EXPECT_EQ(Get("/health").status, 200);
  EXPECT_EQ(Status()["links"]["ok"], false);
}

TEST_F(GatewayTest, RequestsWaitForLinksToStart) {
  StartGateway();
  HttpConnection waiting(port_);
  waiting.Send("GET /none HTTP/1.1\r\n\r\n");
  EXPECT_EQ(Get("/health").status, 200);
  StartLinks();
  EXPECT_EQ(waiting.Receive().status, 404);
}

TEST_F(GatewayTest, RequestsWaitForLinksAlsoWhenConnectionsAreRefused) {
  // Longer than all attempts of a call that does not wait take together.
  StartGateway({.deadline = absl::Seconds(2)});
  // From now on nothing listens there; the descriptor keeps the port.
  ASSERT_EQ(shutdown(links_listener_.fd(), SHUT_RDWR), 0);
  const HttpAnswer answer = Get("/a");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, HasSubstr("did not answer in time"));
}

TEST_F(GatewayTest, KillingLinksUnderLoadIsNotSeen) {
  constexpr int kKills = 3;
  constexpr int kBetween = 10;
  StartLinks();
  StartGateway();
  std::atomic<int> created = 0;
  std::atomic<bool> enough = false;
  std::thread load([&] {
    while (!enough) {
      const int i = created;
      EXPECT_EQ(
          Post(absl::StrCat(R"({"url": "https://a", "code": "c)", i, "\"}"))
              .status,
          201);
      ++created;
    }
  });
  for (int kill = 1; kill <= kKills; ++kill) {
    while (created < kill * kBetween) std::this_thread::yield();
    links_server_->Signal(SIGKILL);
    links_server_->Wait();
    StartLinks();
  }
  enough = true;
  load.join();
  for (int i = 0; i < created; ++i)
    EXPECT_EQ(Get(absl::StrCat("/c", i)).status, 302) << i;
}

TEST_F(GatewayTest, AsksTheCacheFirst) {
  StartLinks();
  UseRedis();
  StartGateway();
  bool connected = false;
  while (!connected) {
    OnLoop([&] { connected = cache_->connected(); });
  }
  EXPECT_EQ(Post(R"({"url": "https://a", "code": "mine"})").status, 201);
  EXPECT_EQ(Get("/mine").status, 302);
  OnLoop([&] { redis_->values.clear(); });
  EXPECT_EQ(Get("/mine").status, 302);
  EXPECT_EQ(Get("/mine").status, 302);
  const json cache = Status()["cache"];
  EXPECT_EQ(
      cache,
      (json{
          {"kind", "redis"}, {"connected", true}, {"hits", 2}, {"misses", 1}}));
}

TEST_F(GatewayTest, WorksWithoutTheCacheAndDoesNotTrustIt) {
  StartLinks();
  UseRedis();
  StartGateway();
  bool connected = false;
  while (!connected) {
    OnLoop([&] { connected = cache_->connected(); });
  }
  EXPECT_EQ(Post(R"({"url": "https://a", "code": "mine"})").status, 201);
  OnLoop([&] {
    redis_->values["espalier:link:mine"] = "javascript:x\r\nSet-Cookie: a=b";
  });
  EXPECT_EQ(Get("/mine").headers.at("location"), "https://a");
  OnLoop([&] { redis_->Disconnect(); });
  EXPECT_EQ(Get("/mine").headers.at("location"), "https://a");
}

TEST_F(GatewayTest, EndsWhileCallsAreUnderWay) {
  StartGateway();
  HttpConnection waiting(port_);
  waiting.Send("GET /none HTTP/1.1\r\n\r\n");
  EXPECT_EQ(Get("/health").status, 200);
  loop_->Quit();
  thread_.join();
  server_.reset();
  EXPECT_TRUE(waiting.WaitForEnd());
}

TEST(ParseLinksAddress, TakesAnAddressOrAnHttpUrl) {
  EXPECT_EQ(*ParseLinksAddress("http://127.0.0.1:80/"), "127.0.0.1:80");
  EXPECT_EQ(*ParseLinksAddress("127.0.0.1:80"), "127.0.0.1:80");
  EXPECT_EQ(*ParseLinksAddress("[::1]:80"), "[::1]:80");
  for (const char* text : {"", "127.0.0.1", ":80", "http://:80", "https://a:80",
                           "http://a:80/path", "a:0", "a:x"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseLinksAddress(text).status()))
        << text;
  }
}

}  // namespace
}  // namespace espalier::gateway
