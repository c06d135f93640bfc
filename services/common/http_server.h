#ifndef ESPALIER_SERVICES_COMMON_HTTP_SERVER_H_
#define ESPALIER_SERVICES_COMMON_HTTP_SERVER_H_

#include <event2/http.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/common/event_loop.h"
#include "services/common/http_message.h"
#include "services/common/listener.h"

namespace espalier {

struct HttpServerOptions {
  // Larger requests are answered with 413.
  size_t max_body_bytes = 64 * 1024;
  // Requests handed to the handler and not answered yet; further ones are
  // answered with 503.
  int max_in_flight = 1024;
  // A connection that neither sends nor takes anything for so long is closed.
  absl::Duration idle_timeout = absl::Seconds(60);
  // While draining: how long clients with an open connection may still send a
  // request. They may have sent it before they could know; its answer then says
  // "Connection: close".
  absl::Duration drain_grace = absl::Milliseconds(200);
  // While draining: answers that are not out by then are given up.
  absl::Duration drain_limit = absl::Seconds(8);
};

// An HTTP/1.1 server on a listening socket, on an event loop; everything is
// called on the loop's thread. It goes through three states: serving, from
// Create on; draining, from Drain on, when it accepts no connection and ends
// those it has; drained, when none is left.
//
// What is no HTTP is answered with 400, and an unknown method with 501, by
// libevent, with a page of its own in HTML and not with an HttpError: its
// version 2.1 lets nobody else answer. While the process is out of descriptors,
// new connections wait in the kernel, and answers to others take up to 10 ms
// more.
class HttpServer {
 public:
  // Called for each request. It must not block; the reply may be sent later.
  using Handler = absl::AnyInvocable<void(HttpRequest, HttpReply)>;

  // `loop` must outlive the server.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Create(
      EventLoop& loop, Listener listener, Handler handler,
      HttpServerOptions options = {});

  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  // Closes every connection; replies that are still out go nowhere.
  ~HttpServer();

  // Stops accepting, finishes the requests under way, then calls `done`.
  // Connections that arrive meanwhile wait in the kernel for the next process
  // that holds the socket. A second call does nothing.
  void Drain(absl::AnyInvocable<void() &&> done);

  // Requests received so far, whatever their answer was.
  size_t requests() const { return requests_; }

 private:
  struct Exchange;
  struct HttpDeleter {
    void operator()(evhttp* http) const { evhttp_free(http); }
  };

  HttpServer(EventLoop& loop, Handler handler, HttpServerOptions options)
      : loop_(loop), handler_(std::move(handler)), options_(options) {}

  absl::Status Listen(Listener listener);
  void OnRequest(evhttp_request* request);
  void CheckDrained();

  EventLoop& loop_;
  Handler handler_;
  const HttpServerOptions options_;
  int port_ = 0;
  size_t requests_ = 0;
  int in_flight_ = 0;
  absl::AnyInvocable<void() &&> drained_;
  std::chrono::steady_clock::time_point drain_start_;
  bool draining_ = false;
  std::optional<EventLoop::Timer> drain_timer_;
  evhttp_bound_socket* bound_ = nullptr;  // Owned by http_.
  // Dies first: freeing it calls back into this object.
  std::unique_ptr<evhttp, HttpDeleter> http_;
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_HTTP_SERVER_H_
