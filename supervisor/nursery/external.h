#ifndef ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_H_
#define ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_H_

#include <concepts>
#include <string>
#include <utility>

#include "absl/time/time.h"
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
inline Readiness Speaks(const RedisUrl& url) {
  return Readiness::Answers(url, "PING\r\n", "+PONG");
}
inline Readiness Speaks(const TcpAddress& address) {
  return Readiness::Connects(address);
}
inline Readiness Speaks(const UnixSocket& socket) {
  return Readiness::Connects(socket);
}

// An endpoint, or a handle that is made of one alone, called `url`.
template <typename T>
concept ExternalEndpoint =
    std::derived_from<T, Endpoint> && requires(const T& endpoint) {
      { Speaks(endpoint) } -> std::same_as<Readiness>;
    };
template <typename T>
concept ExternalHandle = Handle<T> && ExternalEndpoint<decltype(T::url)> &&
                         requires(const T& handle) { T{.url = handle.url}; };

struct ExternalOptions {
  // How long it may take to answer.
  absl::Duration timeout = absl::Seconds(10);
};

// The handle (or endpoint) of a server that somebody else runs:
//
//   Links<HttpUrl> links = co_await External<Links<HttpUrl>>(
//       nursery, "links", "http://10.0.0.7:8080");
//
// It is asked once, in the protocol of its endpoint: GET /health, gRPC's health
// service, Redis' PING, or a connection where the type says no more. Fails with
// a sentence that names the service and its address when it does not answer so
// in time, or when the address is none of that kind. `name` is its name in the
// plan, the table and --external=<name>=…, which takes precedence. A handle
// with secrets comes from its start function and --external instead.
template <typename T>
  requires ExternalEndpoint<T> || ExternalHandle<T>
Task<T> External(Nursery& nursery, std::string name, std::string url,
                 ExternalOptions options = {}) {
  Service service = nursery.NewExternalService(name, std::move(url));
  Command command{.program = Program::Built("external"),
                  .restart = {.when = RestartWhen::kNever},
                  .start_timeout = options.timeout};
  if constexpr (std::derived_from<T, Endpoint>) {
    const T endpoint = service.Reserve<T>();
    command.readiness = Speaks(endpoint);
    co_await service.Start(std::move(command));
    co_return endpoint;
  } else {
    const T handle{.url = service.Reserve<decltype(T::url)>()};
    command.readiness = Speaks(handle.url);
    co_return co_await service.Start(std::move(command), handle);
  }
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_H_
