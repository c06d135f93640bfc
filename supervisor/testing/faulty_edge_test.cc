#include "supervisor/testing/faulty_edge.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

struct Peer {
  TcpAddress address;
  std::string path;  // no endpoint, in spite of its name
  ESPALIER_HANDLE(Peer, address, path);
};

// A client and a server with an edge in between, all on blocking sockets.
class FaultyEdgeTest : public testing::Test {
 protected:
  FaultyEdgeTest() {
    const SocketAddress any = *SocketAddress::Tcp("127.0.0.1", 0);
    EXPECT_EQ(bind(listener_.get(), any.get(), any.size()), 0);
    EXPECT_EQ(listen(listener_.get(), 10), 0);
    const int port = SocketAddress::Of(listener_.get())->port();
    const Peer peer{.address = EndpointAccess::Make<TcpAddress>(
                        {.service = "peer",
                         .name = "address",
                         .host = "127.0.0.1",
                         .port = absl::StrCat(port)}),
                    .path = "/etc/peer"};
    const Peer through = edge_.Through(peer);
    EXPECT_NE(through, peer);
    EXPECT_EQ(through.path, peer.path);
    EXPECT_EQ(through.address.service(), "peer") << "whoever uses it needs it";
    int proxy_port;
    EXPECT_TRUE(absl::SimpleAtoi(EndpointAccess::Address(through.address).port,
                                 &proxy_port));
    proxy_ = *SocketAddress::Tcp("127.0.0.1", proxy_port);
    Connect();
  }

  void Connect() {
    client_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(client_.get(), proxy_->get(), proxy_->size()), 0);
    server_ = UniqueFd(accept(listener_.get(), nullptr, nullptr));
  }

  static void Send(const UniqueFd& fd, const std::string& bytes) {
    size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t count = send(fd.get(), bytes.data() + sent,
                                 bytes.size() - sent, MSG_NOSIGNAL);
      ASSERT_GT(count, 0) << strerror(errno);
      sent += count;
    }
  }
  // Waits for `size` bytes; fewer if the connection ends before.
  static std::string Receive(const UniqueFd& fd, size_t size) {
    std::string bytes(size, '\0');
    size_t received = 0;
    while (received < size) {
      const ssize_t count =
          recv(fd.get(), bytes.data() + received, size - received, 0);
      if (count <= 0) break;
      received += count;
    }
    bytes.resize(received);
    return bytes;
  }
  static bool HasInput(const UniqueFd& fd) {
    pollfd watched = {.fd = fd.get(), .events = POLLIN, .revents = 0};
    return poll(&watched, 1, 0) > 0;
  }
  // False if it takes no byte for a while.
  static bool IsWritable(const UniqueFd& fd) {
    pollfd watched = {.fd = fd.get(), .events = POLLOUT, .revents = 0};
    return poll(&watched, 1, 300) > 0;
  }
  void AwaitNoConnections() {
    while (edge_.connections() > 0) {
      // Each call is a turn of the proxy's loop.
    }
  }
  // Of all threads.
  static absl::Duration ProcessorTime() {
    timespec time;
    EXPECT_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
    return absl::DurationFromTimespec(time);
  }
  // How the connection ended: 0 for the end of input, else an errno.
  static int AwaitEnd(const UniqueFd& fd) {
    char byte;
    return recv(fd.get(), &byte, 1, 0) == 0 ? 0 : errno;
  }

  FaultyEdge edge_;
  std::optional<SocketAddress> proxy_;
  UniqueFd listener_{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  UniqueFd client_;
  UniqueFd server_;
};

TEST_F(FaultyEdgeTest, WithoutAFaultEverythingPasses) {
  Send(client_, "question");
  EXPECT_EQ(Receive(server_, 8), "question");
  const std::string large(5 << 20, 'x');
  std::thread answering([&] {
    Send(server_, large);
    shutdown(server_.get(), SHUT_WR);
  });
  EXPECT_EQ(Receive(client_, large.size() + 1), large);
  answering.join();
  Send(client_, "still open in this direction");
  EXPECT_EQ(Receive(server_, 5), "still");
}

TEST_F(FaultyEdgeTest, LatencyDelaysEachDirection) {
  edge_.SetLatency(absl::Milliseconds(30));
  const absl::Duration began = Loop::Now();
  Send(client_, "a");
  EXPECT_EQ(Receive(server_, 1), "a");
  Send(server_, "b");
  EXPECT_EQ(Receive(client_, 1), "b");
  EXPECT_GE(Loop::Now() - began, absl::Milliseconds(60));
}

TEST_F(FaultyEdgeTest, BandwidthLimitsWhatPasses) {
  edge_.SetBandwidth(1'000'000);
  const absl::Duration began = Loop::Now();
  std::thread sending([&] { Send(client_, std::string(100'000, 'x')); });
  EXPECT_EQ(Receive(server_, 100'000).size(), 100'000u);
  sending.join();
  EXPECT_GE(Loop::Now() - began, absl::Milliseconds(99));
}

TEST_F(FaultyEdgeTest, WhatIsOnItsWayArrivesAtOnceWhenItHeals) {
  edge_.SetBandwidth(10);
  Send(client_, std::string(1000, 'x'));
  // Goes through the proxy's loop after the bytes.
  EXPECT_EQ(edge_.connections(), 1u);
  edge_.SetLatency(absl::Seconds(100));
  Send(server_, "late");
  EXPECT_EQ(edge_.connections(), 1u);
  edge_.Heal();
  Send(client_, "y");
  const absl::Duration healed = Loop::Now();
  EXPECT_EQ(Receive(server_, 1001), std::string(1000, 'x') + "y");
  EXPECT_EQ(Receive(client_, 4), "late");
  EXPECT_LT(Loop::Now() - healed, absl::Seconds(50));
}

TEST_F(FaultyEdgeTest, ABandwidthOfNothingIsAMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(edge_.SetBandwidth(0), "for nothing at all there is BlackHole");
}

// The time that the answer takes is the time in which the proxy has nothing to
// do.
TEST_F(FaultyEdgeTest, AConnectionThatIsHalfClosedCostsNothing) {
  shutdown(client_.get(), SHUT_WR);
  EXPECT_EQ(AwaitEnd(server_), 0);
  edge_.SetBandwidth(10'000);
  const absl::Duration before = ProcessorTime();
  Send(server_, std::string(2000, 'a'));
  EXPECT_EQ(Receive(client_, 2000).size(), 2000u);
  EXPECT_LT(ProcessorTime() - before, absl::Milliseconds(50));
}

// The sockets' own buffers hold some MiB.
TEST_F(FaultyEdgeTest, ASenderWaitsForAReceiverThatDoesNotRead) {
  constexpr size_t kTooMuch = 128 << 20;
  const std::string piece(1 << 20, 'x');
  size_t sent = 0;
  while (sent < kTooMuch && IsWritable(client_)) {
    const ssize_t count = send(client_.get(), piece.data(), piece.size(),
                               MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) sent += count;
  }
  EXPECT_LT(sent, kTooMuch);
  shutdown(client_.get(), SHUT_WR);
  size_t received = 0;
  while (true) {
    const size_t size = Receive(server_, piece.size()).size();
    received += size;
    if (size < piece.size()) break;
  }
  EXPECT_EQ(received, sent) << "it goes on once the receiver reads";
}

TEST_F(FaultyEdgeTest, ABlackHoleHoldsEverythingBackUntilItHeals) {
  edge_.BlackHole();
  Send(client_, "lost?");
  Send(server_, "lost?");
  // Goes through the proxy's loop after whatever it may have begun to do.
  EXPECT_EQ(edge_.connections(), 1u);
  EXPECT_FALSE(HasInput(server_));
  EXPECT_FALSE(HasInput(client_));
  edge_.Heal();
  EXPECT_EQ(Receive(server_, 5), "lost?");
  EXPECT_EQ(Receive(client_, 5), "lost?");
}

TEST_F(FaultyEdgeTest, AResetReachesBothEnds) {
  Send(client_, "a");
  EXPECT_EQ(Receive(server_, 1), "a");
  edge_.Reset();
  EXPECT_EQ(AwaitEnd(client_), ECONNRESET);
  EXPECT_EQ(AwaitEnd(server_), ECONNRESET);
  Connect();
  Send(client_, "b");
  EXPECT_EQ(Receive(server_, 1), "b") << "new connections work";
}

TEST_F(FaultyEdgeTest, HalfOpenIsNotToldToTheClient) {
  Send(client_, "a");
  EXPECT_EQ(Receive(server_, 1), "a");
  edge_.HalfOpen();
  EXPECT_EQ(AwaitEnd(server_), 0);
  Send(client_, "into the void");
  EXPECT_EQ(edge_.connections(), 1u);
  EXPECT_FALSE(HasInput(client_));
  client_ = UniqueFd();
  AwaitNoConnections();
}

TEST_F(FaultyEdgeTest, WhatAClientHasEndedIsNotHalfOpen) {
  shutdown(client_.get(), SHUT_WR);
  EXPECT_EQ(AwaitEnd(server_), 0);
  edge_.HalfOpen();
  EXPECT_EQ(edge_.connections(), 0u);
}

TEST_F(FaultyEdgeTest, TheEndOfAConnectionPasses) {
  client_ = UniqueFd();
  EXPECT_EQ(AwaitEnd(server_), 0);
  server_ = UniqueFd();
  AwaitNoConnections();
}

TEST_F(FaultyEdgeTest, ARefusalPasses) {
  listener_ = UniqueFd();
  const UniqueFd late(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(connect(late.get(), proxy_->get(), proxy_->size()), 0);
  EXPECT_EQ(AwaitEnd(late), ECONNRESET);
}

}  // namespace
}  // namespace espalier
