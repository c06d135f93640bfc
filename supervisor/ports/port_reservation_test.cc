#include "supervisor/ports/port_reservation.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

UniqueFd TcpSocket(int family = AF_INET) {
  return UniqueFd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

// Binds as a server does; 0, or the errno of bind or listen.
int Serve(const UniqueFd& fd, const std::string& digits, uint16_t port,
          bool reuse) {
  const int on = reuse ? 1 : 0;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const SocketAddress address = *SocketAddress::Tcp(digits, port);
  return bind(fd.get(), address.get(), address.size()) == 0 &&
                 listen(fd.get(), 8) == 0
             ? 0
             : errno;
}

bool Accepts(uint16_t port) {
  const SocketAddress address = *SocketAddress::Tcp("127.0.0.1", port);
  UniqueFd client = TcpSocket();
  return connect(client.get(), address.get(), address.size()) == 0;
}

TEST(PortReservationTest, IsHeldThroughRestartsOfTheServer) {
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  ASSERT_NE(reservation->port(), 0);
  EXPECT_FALSE(Accepts(reservation->port())) << "a reservation never listens";
  for (const char* address : {"127.0.0.1", "0.0.0.0", "127.0.0.1"}) {
    UniqueFd server = TcpSocket();
    EXPECT_EQ(Serve(server, address, reservation->port(), true), 0);
    EXPECT_TRUE(Accepts(reservation->port()));
  }
}

TEST(PortReservationTest, LetsAServerBindIpv6) {
  UniqueFd server = TcpSocket(AF_INET6);
  if (!server.valid()) return;  // Nothing to promise on such a machine.
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  EXPECT_EQ(Serve(server, "::", reservation->port(), true), 0);
  EXPECT_TRUE(Accepts(reservation->port()));
}

TEST(PortReservationTest, RefusesWhoDoesNotShare) {
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  UniqueFd server = TcpSocket();
  EXPECT_EQ(Serve(server, "127.0.0.1", reservation->port(), false), EADDRINUSE);
}

TEST(PortReservationTest, IsGivenToNobodyElse) {
  std::vector<PortReservation> reservations;
  std::set<uint16_t> ports;
  for (int i = 0; i < 200; ++i) {
    absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
    ASSERT_TRUE(reservation.ok()) << reservation.status();
    EXPECT_TRUE(ports.insert(reservation->port()).second);
    reservations.push_back(*std::move(reservation));
  }
  for (int i = 0; i < 2000; ++i) {
    UniqueFd other = TcpSocket();
    ASSERT_EQ(Serve(other, i % 2 == 0 ? "127.0.0.1" : "0.0.0.0", 0, i % 4 < 2),
              0);
    EXPECT_FALSE(ports.contains(SocketAddress::Of(other.get())->port()));
  }
}

TEST(PortReservationTest, EndsWithTheObject) {
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  EXPECT_TRUE(fcntl(reservation->fd(), F_GETFD) & FD_CLOEXEC);
  const int fd = reservation->fd();
  PortReservation moved = *std::move(reservation);
  EXPECT_EQ(moved.fd(), fd);
  {
    PortReservation dropped = std::move(moved);
  }
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

}  // namespace
}  // namespace espalier
