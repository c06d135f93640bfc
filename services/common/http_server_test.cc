#include "services/common/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "services/common/testing/http_client.h"

namespace espalier {
namespace {

using ::testing::HasSubstr;

// A server whose loop runs on a thread of its own until the test ends or it has
// drained.
class HttpServerTest : public testing::Test {
 protected:
  ~HttpServerTest() override {
    if (thread_.joinable()) {
      loop_.Quit();
      thread_.join();
    }
  }

  void Start(HttpServer::Handler handler, HttpServerOptions options = {}) {
    absl::StatusOr<Listener> listener = Listener::Bind("127.0.0.1:0");
    ASSERT_TRUE(listener.ok()) << listener.status();
    port_ = listener->port();
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Create(
        loop_, *std::move(listener), std::move(handler), options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    thread_ = std::thread([this] { loop_.Run(); });
  }

  void Drain() {
    loop_.Post([this] { server_->Drain([this] { loop_.Quit(); }); });
  }

  // Waits for the end of the drain.
  void Join() {
    thread_.join();
    server_.reset();
  }

  EventLoop loop_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
  int port_ = 0;
};

void Echo(HttpRequest request, HttpReply reply) {
  std::string text = request.method + " " + request.path + " " + request.body;
  for (const auto& [name, value] : request.query)
    text += " " + name + "=" + value;
  reply.Send({.status = 200, .body = text, .headers = {{"X-Test", "yes"}}});
}

TEST_F(HttpServerTest, HandsRequestsOver) {
  Start(&Echo);
  const HttpAnswer answer = HttpCall(port_, "POST", "/a%20b?x=1&y=%26", "body");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "POST /a b body x=1 y=&");
  EXPECT_EQ(answer.headers.at("x-test"), "yes");
  EXPECT_EQ(answer.headers.at("content-type"), "application/json");
}

TEST_F(HttpServerTest, KeepsConnectionsOpen) {
  Start(&Echo);
  HttpConnection connection(port_);
  EXPECT_EQ(connection.Request("GET", "/1").body, "GET /1 ");
  EXPECT_EQ(connection.Request("PUT", "/2", "x").body, "PUT /2 x");
}

TEST_F(HttpServerTest, AnswersHeadLikeGetWithoutTheBody) {
  Start(&Echo);
  HttpConnection connection(port_);
  const HttpAnswer answer = connection.Request("HEAD", "/a");
  EXPECT_EQ(answer.headers.at("content-length"), "7");
  EXPECT_EQ(connection.Request("GET", "/b").body, "GET /b ");
}

TEST_F(HttpServerTest, RefusesLargeBodies) {
  Start(&Echo, {.max_body_bytes = 10});
  EXPECT_EQ(HttpCall(port_, "POST", "/", "0123456789").status, 200);
  const HttpAnswer answer = HttpCall(port_, "POST", "/", "0123456789a");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.body, "{\"error\":\"the body is larger than 10 bytes\"}\n");
  EXPECT_EQ(HttpCall(port_, "POST", "/", std::string(100000, 'x')).status, 413);
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
  Start(&Echo);
  HttpConnection connection(port_);
  connection.Send("nonsense\r\n\r\n");
  EXPECT_EQ(connection.Receive().status, 400);
  HttpConnection unknown(port_);
  unknown.Send("BREW / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(unknown.Receive().status, 501);
  EXPECT_EQ(HttpCall(port_, "GET", "/").status, 200);
}

// So much processor time has the thread used.
absl::Duration CpuTime(pthread_t thread) {
  clockid_t clock;
  EXPECT_EQ(pthread_getcpuclockid(thread, &clock), 0);
  timespec used;
  EXPECT_EQ(clock_gettime(clock, &used), 0);
  return absl::DurationFromTimespec(used);
}

// Descriptors are short while it exists: there is one.
class OneDescriptor {
 public:
  OneDescriptor() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int lowest = dup(0);
    close(lowest);
    rlimit less = before_;
    less.rlim_cur = static_cast<rlim_t>(lowest) + 1;
    setrlimit(RLIMIT_NOFILE, &less);
  }
  OneDescriptor(const OneDescriptor&) = delete;
  ~OneDescriptor() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

TEST_F(HttpServerTest, WaitsForDescriptorsWithoutSpinning) {
  Start(&Echo);
  HttpConnection open(port_);
  EXPECT_EQ(open.Request("GET", "/1").status, 200);
  auto shortage = std::make_unique<OneDescriptor>();
  HttpConnection waiting(port_);
  waiting.Send("GET /2 HTTP/1.1\r\n\r\n");
  const absl::Duration before = CpuTime(thread_.native_handle());
  const absl::Duration start = CpuTime(pthread_self());
  // Would take half of it if it spun.
  while (CpuTime(pthread_self()) - start < absl::Milliseconds(300)) {
  }
  EXPECT_LT(CpuTime(thread_.native_handle()) - before, absl::Milliseconds(60));
  EXPECT_EQ(open.Request("GET", "/3").body, "GET /3 ");
  shortage.reset();
  EXPECT_EQ(waiting.Receive().body, "GET /2 ");
}

TEST_F(HttpServerTest, SurvivesClientsThatGoAwayBeforeTheAnswer) {
  std::vector<HttpReply> waiting;
  absl::Notification arrived;
  Start([&](HttpRequest request, HttpReply reply) {
    if (request.path != "/slow")
      return Echo(std::move(request), std::move(reply));
    waiting.push_back(std::move(reply));
    arrived.Notify();
  });
  {
    HttpConnection connection(port_);
    connection.Send("GET /slow HTTP/1.1\r\n\r\n");
    arrived.WaitForNotification();
  }
  loop_.Post([&] { waiting.clear(); });
  EXPECT_EQ(HttpCall(port_, "GET", "/").status, 200);
  Drain();
  Join();
}

TEST_F(HttpServerTest, AnswersWhenTheHandlerForgets) {
  Start([](HttpRequest, HttpReply) {});
  EXPECT_EQ(HttpCall(port_, "GET", "/").status, 500);
}

TEST_F(HttpServerTest, LimitsTheRequestsUnderWay) {
  std::optional<HttpReply> waiting;
  absl::Notification arrived;
  Start(
      [&](HttpRequest, HttpReply reply) {
        waiting.emplace(std::move(reply));
        arrived.Notify();
      },
      {.max_in_flight = 1});
  HttpConnection first(port_);
  first.Send("GET / HTTP/1.1\r\n\r\n");
  arrived.WaitForNotification();
  EXPECT_EQ(HttpCall(port_, "GET", "/").status, 503);
  loop_.Post([&] { waiting->Send({.status = 200, .body = "late"}); });
  EXPECT_EQ(first.Receive().body, "late");
}

TEST_F(HttpServerTest, DrainAnswersWhatIsUnderWayAndThenEnds) {
  std::optional<HttpReply> waiting;
  absl::Notification arrived;
  // The request alone must keep the server up, so idle connections get no time.
  Start(
      [&](HttpRequest, HttpReply reply) {
        waiting.emplace(std::move(reply));
        arrived.Notify();
      },
      {.drain_grace = absl::ZeroDuration(),
       .drain_limit = absl::InfiniteDuration()});
  HttpConnection connection(port_);
  connection.Send("GET / HTTP/1.1\r\n\r\n");
  arrived.WaitForNotification();
  Drain();
  loop_.Post([&] { waiting->Send({.status = 200, .body = "late"}); });
  const HttpAnswer answer = connection.Receive();
  EXPECT_EQ(answer.body, "late");
  EXPECT_EQ(answer.headers.at("connection"), "close");
  EXPECT_TRUE(connection.WaitForEnd());
  Join();
}

TEST_F(HttpServerTest, DrainClosesIdleConnections) {
  Start(&Echo, {.drain_grace = absl::ZeroDuration(),
                .drain_limit = absl::InfiniteDuration()});
  HttpConnection connection(port_);
  EXPECT_EQ(connection.Request("GET", "/").status, 200);
  Drain();
  Join();
  EXPECT_TRUE(connection.WaitForEnd());
}

TEST_F(HttpServerTest, DrainStillAnswersOpenConnectionsDuringTheGrace) {
  // Nothing but the end of the connection ends this drain.
  Start(&Echo, {.drain_grace = absl::InfiniteDuration(),
                .drain_limit = absl::InfiniteDuration()});
  HttpConnection connection(port_);
  EXPECT_EQ(connection.Request("GET", "/").status, 200);
  absl::Notification draining;
  Drain();
  loop_.Post([&] { draining.Notify(); });
  draining.WaitForNotification();
  const HttpAnswer answer = connection.Request("GET", "/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("connection"), "close");
  Join();
}

TEST_F(HttpServerTest, DrainGivesUpAtItsLimit) {
  std::optional<HttpReply> waiting;
  absl::Notification arrived;
  Start(
      [&](HttpRequest, HttpReply reply) {
        waiting.emplace(std::move(reply));
        arrived.Notify();
      },
      {.drain_limit = absl::ZeroDuration()});
  HttpConnection connection(port_);
  connection.Send("GET / HTTP/1.1\r\n\r\n");
  arrived.WaitForNotification();
  Drain();
  Join();
  EXPECT_TRUE(connection.WaitForEnd());
}

}  // namespace
}  // namespace espalier
