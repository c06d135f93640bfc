#include "supervisor/ports/listeners.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "supervisor/ports/listening_socket.h"
#include "supervisor/ports/port_reservation.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

using Source = absl::StatusOr<std::vector<Listener>> (*)(uint16_t);

uint64_t InodeOf(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

UniqueFd ListenOnIpv6(uint16_t port, bool only) {
  UniqueFd fd(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1, v6only = only ? 1 : 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
  const SocketAddress name = *SocketAddress::Tcp("::", port);
  if (bind(fd.get(), name.get(), name.size()) != 0 ||
      listen(fd.get(), 1) != 0) {
    return UniqueFd();
  }
  return fd;
}

// Both sources must say the same, wherever they can be had.
class ListenersTest : public testing::TestWithParam<Source> {
 protected:
  std::vector<Listener> Find(uint16_t port) {
    absl::StatusOr<std::vector<Listener>> found = GetParam()(port);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *std::move(found) : std::vector<Listener>();
  }
};

TEST_P(ListenersTest, FindsWhoListensOnLoopback) {
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::ListenTcp();
  ASSERT_TRUE(socket.ok()) << socket.status();
  const std::vector<Listener> found = Find(socket->port());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].inode, InodeOf(socket->fd()));
  EXPECT_EQ(found[0].uid, geteuid());
  EXPECT_EQ(found[0].address, "127.0.0.1");
}

TEST_P(ListenersTest, FindsWhoListensEverywhere) {
  absl::StatusOr<ListeningSocket> socket =
      ListeningSocket::ListenTcp({.address = "0.0.0.0"});
  ASSERT_TRUE(socket.ok()) << socket.status();
  const std::vector<Listener> found = Find(socket->port());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].address, "0.0.0.0");
}

TEST_P(ListenersTest, FindsDualStackListeners) {
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  EXPECT_TRUE(Find(reservation->port()).empty()) << "it does not listen";
  UniqueFd socket = ListenOnIpv6(reservation->port(), false);
  if (!socket.valid()) return;  // A machine without IPv6.
  const std::vector<Listener> found = Find(reservation->port());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].inode, InodeOf(socket.get()));
  EXPECT_EQ(found[0].address, "::");
}

TEST_P(ListenersTest, IgnoresWhoCannotBeReachedOverLoopback) {
  absl::StatusOr<ListeningSocket> socket =
      ListeningSocket::ListenTcp({.address = "127.0.0.2"});
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_TRUE(Find(socket->port()).empty());
}

INSTANTIATE_TEST_SUITE_P(Sources, ListenersTest,
                         testing::Values(&FindListeners,
                                         &internal::FindListenersBySockDiag,
                                         &internal::FindListenersInProc));

TEST(FindListenersTest, IgnoresIpv6Only) {
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  UniqueFd socket = ListenOnIpv6(reservation->port(), true);
  if (!socket.valid()) return;  // A machine without IPv6.
  absl::StatusOr<std::vector<Listener>> found =
      internal::FindListenersBySockDiag(reservation->port());
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_TRUE(found->empty());
}

}  // namespace
}  // namespace espalier
