#ifndef ESPALIER_SERVICES_GATEWAY_SERVER_REDIS_ADDRESS_H_
#define ESPALIER_SERVICES_GATEWAY_SERVER_REDIS_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace espalier::gateway {

// Where a Redis server listens.
struct RedisAddress {
  std::string host;  // A numeric IP address; empty for a Unix socket.
  int port = 0;
  std::string path;  // Of the Unix socket.
};

// Reads "redis://HOST:PORT", "unix:/PATH" or "/PATH". A host that is a name is
// looked up, which blocks: names are looked up once, at the start, because the
// event loop cannot wait for them. InvalidArgument when it has another form (a
// password in it, too, for everybody can read a command line), Unavailable when
// the name is not known.
absl::StatusOr<RedisAddress> ParseRedisAddress(absl::string_view text);

}  // namespace espalier::gateway

#endif  // ESPALIER_SERVICES_GATEWAY_SERVER_REDIS_ADDRESS_H_
