#ifndef ESPALIER_SUPERVISOR_PORTS_SOCKET_ADDRESS_H_
#define ESPALIER_SUPERVISOR_PORTS_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace espalier {

// The longest path that fits into the address of a Unix socket.
inline constexpr size_t kMaxUnixPath = 107;

// What bind() and connect() take: an IPv4 or IPv6 address with a port, or the
// path of a Unix socket. A value; any thread.
class SocketAddress {
 public:
  // `digits` is a numeric IPv4 or IPv6 address; INVALID_ARGUMENT if it is
  // anything else, such as a host's name.
  static absl::StatusOr<SocketAddress> Tcp(const std::string& digits,
                                           uint16_t port);

  // INVALID_ARGUMENT if `path` is empty, has a NUL in it, or is longer than
  // kMaxUnixPath.
  static absl::StatusOr<SocketAddress> Unix(const std::string& path);

  // The address to which the socket `fd` is bound; what the system says if it
  // is none.
  static absl::StatusOr<SocketAddress> Of(int fd);

  // Points into this object.
  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&storage_);
  }
  socklen_t size() const { return size_; }

  // AF_INET, AF_INET6 or AF_UNIX.
  int family() const { return storage_.ss_family; }

  // 0 for a Unix socket.
  uint16_t port() const;

  // Whether it can only be reached from this machine.
  bool IsLocal() const;

 private:
  SocketAddress() = default;

  sockaddr_storage storage_ = {};
  socklen_t size_ = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_PORTS_SOCKET_ADDRESS_H_
