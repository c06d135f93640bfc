#include "services/gateway/server/redis_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace espalier::gateway {
namespace {

absl::StatusOr<std::string> LookUp(const std::string& host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("the Redis server's host ", host,
                     " is not known: ", gai_strerror(error)));
  }
  char numeric[NI_MAXHOST] = "";
  getnameinfo(found->ai_addr, found->ai_addrlen, numeric, sizeof(numeric),
              nullptr, 0, NI_NUMERICHOST);
  freeaddrinfo(found);
  return std::string(numeric);
}

}  // namespace

absl::StatusOr<RedisAddress> ParseRedisAddress(absl::string_view text) {
  absl::string_view rest = text;
  absl::ConsumePrefix(&rest, "unix:");
  if (absl::StartsWith(rest, "/")) {
    return RedisAddress{.host = "", .port = 0, .path = std::string(rest)};
  }
  const absl::Status error = absl::InvalidArgumentError(
      "--redis is not of the form redis://127.0.0.1:6379 or unix:/path");
  if (!absl::ConsumePrefix(&rest, "redis://")) return error;
  absl::ConsumeSuffix(&rest, "/");
  const size_t colon = rest.rfind(':');
  int port = 0;
  if (colon == rest.npos || !absl::SimpleAtoi(rest.substr(colon + 1), &port) ||
      port < 1 || port > 65535)
    return error;
  absl::string_view host = rest.substr(0, colon);
  if (host.empty() || host.find_first_of("@/?#") != host.npos) return error;
  if (absl::ConsumePrefix(&host, "[") && !absl::ConsumeSuffix(&host, "]"))
    return error;
  absl::StatusOr<std::string> numeric = LookUp(std::string(host));
  if (!numeric.ok()) return numeric.status();
  return RedisAddress{.host = *std::move(numeric), .port = port, .path = ""};
}

}  // namespace espalier::gateway
