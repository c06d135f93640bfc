#ifndef ESPALIER_SUPERVISOR_READINESS_PROBE_TARGET_H_
#define ESPALIER_SUPERVISOR_READINESS_PROBE_TARGET_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "supervisor/ports/socket_address.h"

namespace espalier {

// What has to answer, and how, before a service counts as ready.
struct ProbeTarget {
  enum class Kind {
    // A connection is accepted. Means nothing on a held listener, where the
    // kernel accepts for a server that is not there yet.
    kConnect,
    // GET `http_path` over HTTP/1.1 is answered with a status 2xx.
    kHttp,
    // grpc.health.v1.Health/Check of the service "" (the whole server), over
    // HTTP/2 without TLS, is answered with SERVING.
    kGrpcHealth,
    // `request` is answered with text that begins with `answer`.
    kText,
  };

  struct Tcp {
    // A loopback address as digits: 127.x.x.x or ::1.
    std::string host = "127.0.0.1";
    uint16_t port = 0;
  };

  struct Unix {
    // At most 107 bytes.
    std::string path;
  };

  Kind kind = Kind::kConnect;
  std::variant<Tcp, Unix> address;
  // Begins with '/'; of visible ASCII characters only. kHttp only.
  std::string http_path = "/";
  // kText only.
  std::string request = {};
  std::string answer = {};
};

// "127.0.0.1:80", "[::1]:80" or the socket's path.
std::string DescribeAddress(const ProbeTarget& target);

// Where to connect; INVALID_ARGUMENT, naming the target, if any part of it is
// not as said above.
absl::StatusOr<SocketAddress> CheckedAddress(const ProbeTarget& target);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_PROBE_TARGET_H_
