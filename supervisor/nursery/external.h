#ifndef ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_H_
#define ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_H_

#include <concepts>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "supervisor/nursery/external_options.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/command.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

// How it is seen that a server speaks an endpoint's protocol.
inline Readiness Speaks(const HttpUrl& url) { return Readiness::HttpOk(url); }
inline Readiness Speaks(const Http2Url& url) {
  return Readiness::GrpcHealth(url);
}
inline Readiness Speaks(const HttpsUrl& url) {
  return Readiness::TlsHandshake(url);
}
inline Readiness Speaks(const Http2TlsUrl& url) {
  return Readiness::TlsHandshake(url);
}
inline Readiness Speaks(const RedisUrl& url) {
  return Readiness::Answers(url, "PING\r\n", "+PONG");
}
// It asks to start a session of nobody, which PostgreSQL refuses by an 'E', a
// length and why.
inline Readiness Speaks(const PostgresUrl& url) {
  using std::string_literals::operator""s;
  return Readiness::Answers(url, "\0\0\0\x09\0\x03\0\0\0"s, "E\0\0"s);
}
inline Readiness Speaks(const TcpAddress& address) {
  return Readiness::Connects(address);
}
inline Readiness Speaks(const UnixSocket& socket) {
  return Readiness::Connects(socket);
}

// An endpoint that can be asked, or a handle of nothing else.
template <typename T>
concept ExternalEndpoint =
    std::derived_from<T, Endpoint> && requires(const T& endpoint) {
      { Speaks(endpoint) } -> std::same_as<Readiness>;
    };
// How many endpoints it has; 0 if anything else is in it, or one that cannot be
// asked.
template <Handle H>
constexpr int kExternalEndpoints = [] {
  int count = 0;
  bool others = false;
  H::VisitMembers([&](const char*, auto member) {
    if constexpr (ExternalEndpoint<typename decltype(member)::type>) {
      ++count;
    } else {
      others = true;
    }
  });
  return others ? 0 : count;
}();
template <typename T>
concept ExternalHandle = Handle<T> && kExternalEndpoints<T> > 0;

// Where the endpoints of a handle are, by their names in it.
using ExternalUrls = std::map<std::string, std::string>;

// The handle (or endpoint) of a server that somebody else runs:
//
//   Links<HttpUrl> links = co_await External<Links<HttpUrl>>(
//       nursery, "links", "http://10.0.0.7:8080");
//
// and of one with several endpoints, each called as in the handle:
//
//   Broker broker = co_await External<Broker>(nursery, "broker", {
//       {"url", "10.0.0.7:4222"}, {"admin", "http://10.0.0.7:8222"}});
//
// Each is asked once, in the protocol of its endpoint: GET /health, gRPC's
// health service, Redis' PING, a TLS handshake, or a connection where the type
// says no more. Fails with a sentence that names the service and its address
// when it does not answer so in time, when the address is none of that kind,
// or when there is none for an endpoint. `name` is its name in the plan, the
// table and --external=<name>=…, which takes precedence; a further endpoint is
// a line of its own there, <name>-<endpoint>. A handle with secrets comes from
// its start function and --external instead.
template <ExternalHandle H>
Task<H> External(Nursery& nursery, std::string name, ExternalUrls urls,
                 ExternalOptions options = {}) {
  struct Part {
    Service service;
    Readiness readiness;
  };
  std::vector<Part> parts;
  HandleData data{.type = TypeName<H>()};
  H::VisitMembers([&](const char* field, auto member) {
    using E = typename decltype(member)::type;
    // Taken out: what is left has no endpoint.
    auto url = urls.extract(field);
    Part part{.service = nursery.NewExternalService(
                  parts.empty() ? name : name + "-" + field,
                  url.empty() ? "" : std::move(url.mapped())),
              .readiness = Readiness::Started()};
    const E endpoint = part.service.template Reserve<E>();
    part.readiness = Speaks(endpoint);
    AddField(data, field, endpoint);
    parts.push_back(std::move(part));
  });
  if (!urls.empty()) {
    co_await absl::InvalidArgumentError(
        "'" + name + "' is given an address for '" + urls.begin()->first +
        "', and has no such endpoint");
  }
  std::string error;
  const H handle = *H::FromHandleData(HandleReader(&data, name, &error));
  const auto command = [&options](const Part& part) {
    return Command{.program = Program::Built("external"),
                   .readiness = part.readiness,
                   .restart = {.when = RestartWhen::kNever},
                   .start_timeout = options.timeout};
  };
  for (size_t i = 1; i < parts.size(); ++i)
    co_await parts[i].service.Start(command(parts[i]));
  co_return co_await parts[0].service.Start(command(parts[0]), handle);
}

// What External() can make. Not a concept: the compiler would tell of all that
// it is made of.
template <typename T>
constexpr bool kCanBeExternal = ExternalEndpoint<T>;
template <Handle T>
constexpr bool kCanBeExternal<T> = kExternalEndpoints<T> > 0;

// An endpoint, or a handle of one.
template <typename T>
  requires(!ExternalHandle<T> || kExternalEndpoints<T> == 1)
Task<T> External(Nursery& nursery, std::string name, std::string url,
                 ExternalOptions options = {}) {
  static_assert(kCanBeExternal<T>,
                "this is neither an Endpoint nor a handle of Endpoints only. "
                "For one with secrets, such as Postgres, say as whom to log "
                "in: see the External() in external.h of its package");
  if constexpr (std::derived_from<T, Endpoint>) {
    Service service = nursery.NewExternalService(name, std::move(url));
    const T endpoint = service.Reserve<T>();
    co_await service.Start({.program = Program::Built("external"),
                            .readiness = Speaks(endpoint),
                            .restart = {.when = RestartWhen::kNever},
                            .start_timeout = options.timeout});
    co_return endpoint;
  } else if constexpr (ExternalHandle<T>) {
    ExternalUrls urls;
    T::VisitMembers(
        [&](const char* field, auto) { urls[field] = std::move(url); });
    co_return co_await External<T>(nursery, std::move(name), std::move(urls),
                                   options);
  } else {
    co_await absl::InternalError("");  // one error is enough
  }
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_H_
