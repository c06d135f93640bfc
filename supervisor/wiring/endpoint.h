#ifndef ESPALIER_SUPERVISOR_WIRING_ENDPOINT_H_
#define ESPALIER_SUPERVISOR_WIRING_ENDPOINT_H_

#include <compare>
#include <concepts>
#include <ostream>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/string_view.h"

namespace espalier {

class Text;

// Where an endpoint is, as the backend that made it says: numbers on a real
// machine, names such as "{links.port}" in a plan. For code that makes
// endpoints (backends, `External`); services only pass endpoints on.
struct EndpointAddress {
  std::string service = {};  // path of the service that listens there, such as
                             // "links"; empty if it is not one of ours
  std::string name = {};     // which of the service's endpoints, such as "http"
  std::string host = {};     // for TCP: "127.0.0.1"
  std::string port = {};     // for TCP: "41234"
  std::string path =
      {};  // for a Unix socket: its absolute path; then host and port are empty
  bool proxied = false;  // something stands in between, so that the address is
                         // not the one that the service was given

  friend auto operator<=>(const EndpointAddress&,
                          const EndpointAddress&) = default;
};

// What all endpoints have in common. An endpoint is a value: copyable,
// comparable and printable. It cannot be made from a string, and offers no
// string in wiring; it goes into a command as (part of) a Text, so that it is
// known who uses whom. Clients and tests of a live system call Resolve().
class Endpoint {
 public:
  // Deleted, so that the compiler says it in a line instead of going through
  // all that a string can be made from.
  operator std::string() const = delete;

  // Path of the service that listens here; empty for an external one.
  const std::string& service() const { return address_.service; }
  // Which of the service's endpoints this is.
  const std::string& name() const { return address_.name; }
  absl::string_view scheme() const { return scheme_; }

  // Parts for commands whose program wants them separately. Empty for a Unix
  // socket, but for PostgreSQL's: there the host is its directory and the port
  // a part of its name, as in all of PostgreSQL's programs.
  Text host() const;
  Text port() const;

 protected:
  Endpoint(absl::string_view scheme, EndpointAddress address)
      : scheme_(scheme), address_(std::move(address)) {}

 private:
  friend struct EndpointAccess;
  absl::string_view scheme_;  // a literal
  EndpointAddress address_;
};

// Makes endpoints and looks into them. For backends and `Resolve`; a service or
// an environment has no need of it.
struct EndpointAccess {
  template <std::derived_from<Endpoint> E>
  static E Make(EndpointAddress address) {
    return E(std::move(address));
  }
  static const EndpointAddress& Address(const Endpoint& endpoint) {
    return endpoint.address_;
  }
  // "http://127.0.0.1:41234", "127.0.0.1:41234" where there is no scheme, or
  // the path of a Unix socket; "postgresql:///?host=DIRECTORY" for
  // PostgreSQL's.
  static std::string Url(const Endpoint& endpoint);
};

// An HTTP/1.1 server.
class HttpUrl final : public Endpoint {
  friend struct EndpointAccess;
  explicit HttpUrl(EndpointAddress address)
      : Endpoint("http", std::move(address)) {}
};

// A server that speaks HTTP/2 without TLS and with prior knowledge, as gRPC
// does.
class Http2Url final : public Endpoint {
  friend struct EndpointAccess;
  explicit Http2Url(EndpointAddress address)
      : Endpoint("http", std::move(address)) {}
};

// An HTTP/1.1 server behind TLS. No conversion leads from or to HttpUrl: who
// expects TLS says so by the type.
class HttpsUrl final : public Endpoint {
  friend struct EndpointAccess;
  explicit HttpsUrl(EndpointAddress address)
      : Endpoint("https", std::move(address)) {}
};

// A server that speaks HTTP/2 behind TLS, as gRPC does with credentials.
class Http2TlsUrl final : public Endpoint {
  friend struct EndpointAccess;
  explicit Http2TlsUrl(EndpointAddress address)
      : Endpoint("https", std::move(address)) {}
};

// A PostgreSQL server. Its Unix socket is called ".s.PGSQL.5432".
class PostgresUrl final : public Endpoint {
  friend struct EndpointAccess;
  explicit PostgresUrl(EndpointAddress address)
      : Endpoint("postgresql", std::move(address)) {}
};

// A Redis server.
class RedisUrl final : public Endpoint {
  friend struct EndpointAccess;
  explicit RedisUrl(EndpointAddress address)
      : Endpoint("redis", std::move(address)) {}
};

// Something that listens on TCP and speaks a protocol that has no type here.
class TcpAddress final : public Endpoint {
  friend struct EndpointAccess;
  explicit TcpAddress(EndpointAddress address)
      : Endpoint("", std::move(address)) {}
};

// Something that listens on a Unix socket.
class UnixSocket final : public Endpoint {
  friend struct EndpointAccess;
  explicit UnixSocket(EndpointAddress address)
      : Endpoint("", std::move(address)) {}
};

template <std::derived_from<Endpoint> E>
bool operator==(const E& a, const E& b) {
  return EndpointAccess::Address(a) == EndpointAccess::Address(b);
}
template <std::derived_from<Endpoint> E>
auto operator<=>(const E& a, const E& b) {
  return EndpointAccess::Address(a) <=> EndpointAccess::Address(b);
}

template <typename T, typename... Choices>
constexpr bool kIsOneOf = (std::same_as<T, Choices> || ...);

// What a start function says of its type parameter. Whoever asks for another
// type is told, in one line, what it was and what it could have been.
template <typename T, typename... Choices>
concept OneOf = kIsOneOf<T, Choices...>;

// The address as text, for clients and tests of a running system:
// "http://127.0.0.1:41234".
std::string Resolve(const Endpoint& endpoint);

std::ostream& operator<<(std::ostream& out, const Endpoint& endpoint);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_WIRING_ENDPOINT_H_
