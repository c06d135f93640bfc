#include "supervisor/readiness/readiness_probe.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/loop/loop.h"
#include "supervisor/ports/listening_socket.h"
#include "supervisor/ports/port_reservation.h"
#include "supervisor/ports/unique_fd.h"
#include "supervisor/readiness/probe_target.h"

namespace espalier {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using Kind = ProbeTarget::Kind;

ProbeTarget TcpTarget(Kind kind, uint16_t port) {
  return {.kind = kind, .address = ProbeTarget::Tcp{.port = port}};
}

// What a server does with one connection.
struct Reply {
  // Sent when the request begins to arrive.
  std::string bytes;
  enum { kClose, kReset, kKeepOpen } then = kClose;
};

// Serves a listener on the probe's own loop: the n-th connection gets the n-th
// reply, later ones the last.
class ScriptedServer {
 public:
  ScriptedServer(Loop& loop, const ListeningSocket& listener,
                 std::vector<Reply> replies)
      : loop_(loop), replies_(std::move(replies)) {
    accepting_ = loop.OnReadable(listener.fd(), [this, fd = listener.fd()] {
      connections_.push_back(std::make_unique<Connection>());
      Connection& connection = *connections_.back();
      connection.fd = UniqueFd(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
      const Reply& reply =
          replies_[std::min(connections_.size(), replies_.size()) - 1];
      connection.readable = loop_.OnReadable(
          connection.fd.get(), [&] { Answer(connection, reply); });
    });
  }

  size_t connections() const { return connections_.size(); }
  // What has been received over all connections.
  const std::string& received() const { return received_; }

 private:
  struct Connection {
    UniqueFd fd;
    Loop::Watch readable;
  };

  void Answer(Connection& connection, const Reply& reply) {
    // A connection that is closed with unread data is reset.
    if (reply.then != Reply::kReset) {
      char buffer[4096];
      const ssize_t size = recv(connection.fd.get(), buffer, sizeof buffer, 0);
      if (size > 0) received_.append(buffer, size);
    }
    (void)!send(connection.fd.get(), reply.bytes.data(), reply.bytes.size(),
                MSG_NOSIGNAL);
    connection.readable = Loop::Watch();
    if (reply.then != Reply::kKeepOpen) connection.fd = UniqueFd();
  }

  Loop& loop_;
  const std::vector<Reply> replies_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::string received_;
  Loop::Watch accepting_;
};

class ReadinessProbeTest : public testing::Test {
 protected:
  static ListeningSocket Listen() {
    absl::StatusOr<ListeningSocket> socket = ListeningSocket::ListenTcp();
    EXPECT_TRUE(socket.ok()) << socket.status();
    return *std::move(socket);
  }

  void Start(ProbeTarget target, std::function<absl::Status()> verify = {}) {
    probe_ = ReadinessProbe::Start(loop_, std::move(target),
                                   [this](absl::Status status) {
                                     ++calls_;
                                     status_ = std::move(status);
                                   },
                                   {.verify = std::move(verify)});
    EXPECT_EQ(calls_, 0);
  }

  void AwaitDone() {
    loop_.RunUntil([&] { return calls_ > 0; });
    EXPECT_EQ(status_, absl::OkStatus());
    EXPECT_EQ(calls_, 1);
  }

  void AwaitComplaint(const std::string& part) {
    loop_.RunUntil([&] {
      return calls_ > 0 ||
             probe_->last_complaint().find(part) != std::string::npos;
    });
    EXPECT_EQ(calls_, 0) << "ready in spite of: " << part;
  }

  // Runs `probe` against replies which must each be taken as not ready, then
  // one that is.
  void ExpectRetried(Kind kind, Reply bad, const std::string& complaint) {
    SCOPED_TRACE(complaint);
    ListeningSocket listener = Listen();
    calls_ = 0;
    {
      ScriptedServer server(loop_, listener, {bad});
      Start(TcpTarget(kind, listener.port()));
      AwaitComplaint(complaint);
      loop_.RunUntil([&] { return calls_ > 0 || server.connections() >= 3; });
      EXPECT_EQ(calls_, 0);
    }
    ScriptedServer server(loop_, listener, {{.bytes = kOk}});
    if (kind == Kind::kHttp) AwaitDone();
    probe_ = nullptr;
  }

  // Whether the loop has a timer pending.
  bool HasTimer() {
    bool timer = false;
    event_base_foreach_event(
        loop_.base(),
        [](const event_base*, const event* event, void* found) {
          if (event_pending(event, EV_TIMEOUT, nullptr) != 0) {
            *static_cast<bool*>(found) = true;
          }
          return 0;
        },
        &timer);
    return timer;
  }

  static constexpr char kOk[] = "HTTP/1.1 200 OK\r\n\r\n";

  Loop loop_;
  std::unique_ptr<ReadinessProbe> probe_;
  int calls_ = 0;
  absl::Status status_;
};

TEST_F(ReadinessProbeTest, ConnectsToWhatListens) {
  ListeningSocket listener = Listen();
  Start(TcpTarget(Kind::kConnect, listener.port()));
  AwaitDone();
}

TEST_F(ReadinessProbeTest, TriesUntilSomebodyListens) {
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  Start(TcpTarget(Kind::kConnect, reservation->port()));
  AwaitComplaint("connection refused");
  EXPECT_THAT(probe_->last_complaint(), StartsWith("127.0.0.1:"));
  absl::StatusOr<ListeningSocket> listener =
      ListeningSocket::ListenTcp({.port = reservation->port()});
  ASSERT_TRUE(listener.ok()) << listener.status();
  AwaitDone();
}

TEST_F(ReadinessProbeTest, ConnectsToUnixSockets) {
  char directory[] = "/tmp/probe_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/s";
  Start({.kind = Kind::kHttp, .address = ProbeTarget::Unix{.path = path}});
  AwaitComplaint("no such file or directory");
  {
    absl::StatusOr<ListeningSocket> listener =
        ListeningSocket::ListenUnix(path);
    ASSERT_TRUE(listener.ok()) << listener.status();
    ScriptedServer server(loop_, *listener, {{.bytes = kOk}});
    AwaitDone();
    EXPECT_THAT(server.received(), HasSubstr("\r\nHost: localhost\r\n"));
  }
  EXPECT_EQ(rmdir(directory), 0);
}

TEST_F(ReadinessProbeTest, AsksForTheHttpPath) {
  ListeningSocket listener = Listen();
  ScriptedServer server(loop_, listener, {{.bytes = kOk}});
  ProbeTarget target = TcpTarget(Kind::kHttp, listener.port());
  target.http_path = "/healthz";
  Start(std::move(target));
  AwaitDone();
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_THAT(server.received(), StartsWith("GET /healthz HTTP/1.1\r\n"));
}

// The answer is the event: one connection waits in the kernel's queue, and no
// timer runs.
TEST_F(ReadinessProbeTest, WaitsOnAHeldListenerWithOneConnection) {
  for (Kind kind : {Kind::kHttp, Kind::kGrpcHealth}) {
    ListeningSocket listener = Listen();
    calls_ = 0;
    Start(TcpTarget(kind, listener.port()));
    AwaitComplaint("no answer yet");
    EXPECT_FALSE(HasTimer());
    fcntl(listener.fd(), F_SETFL, O_NONBLOCK);
    UniqueFd first(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    UniqueFd second(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_TRUE(first.valid());
    EXPECT_FALSE(second.valid());
    if (kind == Kind::kGrpcHealth) continue;
    ASSERT_GT(send(first.get(), kOk, sizeof kOk - 1, 0), 0);
    AwaitDone();
  }
}

TEST_F(ReadinessProbeTest, RetriesHttpAfterABadAnswer) {
  const std::string closed = "the connection was closed without an answer";
  ExpectRetried(Kind::kHttp, {.bytes = "HTTP/1.1 503 Busy\r\n\r\n"},
                "HTTP status 503");
  ExpectRetried(Kind::kHttp, {.bytes = "garbage\n"},
                "the answer is not HTTP/1");
  ExpectRetried(Kind::kHttp, {.bytes = "HTTP/1.1 200 OK\r\nA"}, closed);
  ExpectRetried(Kind::kHttp, {.bytes = ""}, closed);
  ExpectRetried(Kind::kHttp, {.bytes = "", .then = Reply::kReset},
                "connection reset by peer");
}

TEST_F(ReadinessProbeTest, RetriesGrpcAfterABadAnswer) {
  ExpectRetried(Kind::kGrpcHealth,
                {.bytes = "HTTP/1.1 400 Bad Request\r\n\r\n"}, "HTTP/2");
  ExpectRetried(Kind::kGrpcHealth, {.bytes = std::string("\0\0", 2)},
                "closed without an answer");
  ExpectRetried(Kind::kGrpcHealth, {.bytes = "", .then = Reply::kReset},
                "connection reset by peer");
}

// F44: nothing is sent to a stranger.
TEST_F(ReadinessProbeTest, F44SendsNothingBeforeTheListenerIsVerified) {
  ListeningSocket listener = Listen();
  ScriptedServer server(loop_, listener, {{.bytes = kOk}});
  int verifications = 0;
  bool stranger = true;
  Start(TcpTarget(Kind::kHttp, listener.port()), [&] {
    ++verifications;
    return stranger ? absl::PermissionDeniedError("process 7 (nc) has it")
                    : absl::OkStatus();
  });
  AwaitComplaint("process 7 (nc) has it");
  loop_.RunUntil([&] { return calls_ > 0 || verifications >= 3; });
  loop_.RunUntil([&] { return calls_ > 0 || server.connections() >= 3; });
  EXPECT_EQ(calls_, 0);
  EXPECT_EQ(server.received(), "");
  stranger = false;
  AwaitDone();
}

TEST_F(ReadinessProbeTest, ATargetThatMakesNoSenseIsRefused) {
  Start({.address = ProbeTarget::Tcp{.host = "192.0.2.1", .port = 80}});
  loop_.RunUntil([&] { return calls_ > 0; });
  EXPECT_EQ(status_.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(probe_->last_complaint(), EndsWith("not a loopback address"));
}

TEST_F(ReadinessProbeTest, AsksInAnyText) {
  ListeningSocket listener = Listen();
  ScriptedServer server(loop_, listener,
                        {{.bytes = "-LOADING\r\n"}, {.bytes = "+PONG\r\n"}});
  ProbeTarget target = TcpTarget(Kind::kText, listener.port());
  target.request = "PING\r\n";
  target.answer = "+PONG";
  Start(target);
  AwaitDone();
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_EQ(server.received(), "PING\r\nPING\r\n");
}

TEST_F(ReadinessProbeTest, MayBeDestroyedInItsCallbacks) {
  ListeningSocket listener = Listen();
  ScriptedServer server(loop_, listener, {{.bytes = kOk}});
  bool done = false;
  probe_ = ReadinessProbe::Start(loop_, TcpTarget(Kind::kHttp, listener.port()),
                                 [&](absl::Status) {
                                   probe_ = nullptr;
                                   done = true;
                                 });
  loop_.RunUntil([&] { return done; });

  for (bool verdict : {true, false}) {
    bool verified = false;
    Start(TcpTarget(Kind::kHttp, listener.port()), [&, verdict] {
      probe_ = nullptr;
      verified = true;
      return verdict ? absl::OkStatus() : absl::UnavailableError("no");
    });
    loop_.RunUntil([&] { return verified; });
  }
  probe_ = ReadinessProbe::Start(loop_, {.address = ProbeTarget::Unix{}},
                                 [&](absl::Status) { probe_ = nullptr; });
  loop_.RunUntil([&] { return probe_ == nullptr; });
  EXPECT_EQ(calls_, 0);
}

TEST_F(ReadinessProbeTest, MayBeDestroyedAtAnyMoment) {
  ListeningSocket listener = Listen();
  ScriptedServer server(loop_, listener,
                        {{.bytes = "HTTP/1.1 2", .then = Reply::kKeepOpen}});
  for (Kind kind : {Kind::kConnect, Kind::kHttp, Kind::kGrpcHealth}) {
    for (int turns = 0; turns < 6; ++turns) {
      int turn = 0;
      Start(TcpTarget(kind, listener.port()));
      // A timer that is always due keeps the loop turning.
      Loop::Watch spin;
      std::function<void()> next = [&] {
        spin = loop_.After(absl::ZeroDuration(), next);
      };
      next();
      loop_.RunUntil([&] { return turn++ == turns; });
      probe_ = nullptr;
      calls_ = 0;
    }
  }
  EXPECT_FALSE(HasTimer());
}

}  // namespace
}  // namespace espalier
