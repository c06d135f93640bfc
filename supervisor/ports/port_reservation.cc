#include "supervisor/ports/port_reservation.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

// A TCP socket that may share its port with the service; invalid, with errno
// set, if the system has none of that family.
UniqueFd SharingSocket(int family) {
  UniqueFd fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (fd.valid() &&
      setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return UniqueFd();
  }
  return fd;
}

// Bound to a port of the system's choice on all addresses: for "::" those of
// IPv6 and IPv4, for "0.0.0.0" those of IPv4. Invalid, with errno set, if that
// is not to be had.
UniqueFd BindAny(const char* digits) {
  const SocketAddress any = *SocketAddress::Tcp(digits, 0);
  UniqueFd fd = SharingSocket(any.family());
  // Whatever net.ipv6.bindv6only says: without IPv4 it would reserve nothing.
  const int off = 0;
  if (!fd.valid() ||
      (any.family() == AF_INET6 &&
       setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) !=
           0) ||
      bind(fd.get(), any.get(), any.size()) != 0) {
    return UniqueFd();
  }
  return fd;
}

bool NoIpv6(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL ||
         error == EPROTONOSUPPORT;
}

}  // namespace

absl::StatusOr<PortReservation> PortReservation::Reserve() {
  UniqueFd fd = BindAny("::");
  if (!fd.valid() && NoIpv6(errno)) fd = BindAny("0.0.0.0");
  if (!fd.valid()) {
    const int error = errno;
    // Every way in which this fails is a lack of something.
    return absl::ResourceExhaustedError(
        absl::ErrnoToStatus(error, "cannot reserve a TCP port").message());
  }
  absl::StatusOr<SocketAddress> bound = SocketAddress::Of(fd.get());
  if (!bound.ok()) return bound.status();
  return PortReservation(std::move(fd), bound->port());
}

}  // namespace espalier
