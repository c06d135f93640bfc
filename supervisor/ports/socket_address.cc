#include "supervisor/ports/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace espalier {

absl::StatusOr<SocketAddress> SocketAddress::Tcp(const std::string& digits,
                                                 uint16_t port) {
  SocketAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage_);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage_);
  if (inet_pton(AF_INET, digits.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size_ = sizeof *v4;
  } else if (inet_pton(AF_INET6, digits.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size_ = sizeof *v6;
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", digits, "\" is not an IPv4 or IPv6 address in digits"));
  }
  return address;
}

absl::StatusOr<SocketAddress> SocketAddress::Unix(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(
        "the path of a Unix socket is empty or has a NUL in it");
  }
  if (path.size() > kMaxUnixPath) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of a Unix socket has at most ", kMaxUnixPath,
                     " bytes, and this one has ", path.size(), ": ", path));
  }
  SocketAddress address;
  auto* name = reinterpret_cast<sockaddr_un*>(&address.storage_);
  name->sun_family = AF_UNIX;
  memcpy(name->sun_path, path.data(), path.size());
  address.size_ = sizeof *name;
  return address;
}

absl::StatusOr<SocketAddress> SocketAddress::Of(int fd) {
  SocketAddress address;
  address.size_ = sizeof address.storage_;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage_),
                  &address.size_) != 0) {
    return absl::ErrnoToStatus(errno, "cannot tell a socket's address");
  }
  return address;
}

uint16_t SocketAddress::port() const {
  if (family() == AF_UNIX) return 0;
  // At the same place in both kinds of address.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
}

bool SocketAddress::IsLocal() const {
  if (family() == AF_UNIX) return true;
  if (family() == AF_INET) {
    auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage_);
    return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  }
  auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

}  // namespace espalier
