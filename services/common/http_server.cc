#include "services/common/http_server.h"

#include <event2/buffer.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <poll.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/common/open_connections.h"

namespace espalier {
namespace {

constexpr absl::Duration kDrainCheck = absl::Milliseconds(5);
constexpr int kOutOfDescriptorsPauseMs = 10;
constexpr int kMaxHeaderBytes = 16 * 1024;
// libevent answers a body beyond its limit with a page of its own and reads no
// further. Up to this size we read it, and answer with our own reason.
constexpr int kBodyLimitFactor = 16;

std::string MethodName(evhttp_cmd_type method) {
  switch (method) {
    case EVHTTP_REQ_GET:
    case EVHTTP_REQ_HEAD:
      return "GET";
    case EVHTTP_REQ_POST:
      return "POST";
    case EVHTTP_REQ_PUT:
      return "PUT";
    case EVHTTP_REQ_DELETE:
      return "DELETE";
    case EVHTTP_REQ_OPTIONS:
      return "OPTIONS";
    case EVHTTP_REQ_PATCH:
      return "PATCH";
    case EVHTTP_REQ_TRACE:
      return "TRACE";
    default:
      return "CONNECT";
  }
}

std::map<std::string, std::string> ParseQuery(const char* query) {
  std::map<std::string, std::string> parameters;
  evkeyvalq parsed = {};
  if (query != nullptr && evhttp_parse_query_str(query, &parsed) == 0) {
    for (const evkeyval* pair = parsed.tqh_first; pair != nullptr;
         pair = pair->next.tqe_next) {
      parameters[pair->key] = pair->value;
    }
    evhttp_clear_headers(&parsed);
  }
  return parameters;
}

std::string DecodePath(const char* raw) {
  size_t size = 0;
  char* decoded =
      evhttp_uridecode(raw == nullptr ? "/" : raw, /*decode_plus=*/0, &size);
  if (decoded == nullptr) return "/";
  std::string path(decoded, size);
  free(decoded);
  return path.empty() ? "/" : path;
}

HttpRequest ReadRequest(evhttp_request* request) {
  const evhttp_uri* uri = evhttp_request_get_evhttp_uri(request);
  HttpRequest result;
  result.method = MethodName(evhttp_request_get_command(request));
  result.path = DecodePath(uri == nullptr ? nullptr : evhttp_uri_get_path(uri));
  result.query =
      ParseQuery(uri == nullptr ? nullptr : evhttp_uri_get_query(uri));
  evbuffer* body = evhttp_request_get_input_buffer(request);
  result.body.resize(evbuffer_get_length(body));
  evbuffer_copyout(body, result.body.data(), result.body.size());
  return result;
}

const char* ReasonPhrase(int status) {
  switch (status) {
    case 201:
      return "Created";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 502:
      return "Bad Gateway";
    default:
      return nullptr;  // libevent knows the others.
  }
}

// The connection stays in the queue, so without a pause the loop would spin and
// libevent complain each time. It tells us neither which server this is of nor
// when a connection has gone, so the pause is the loop's.
void PauseAccepting(evconnlistener*, void*) {
  poll(nullptr, 0, kOutOfDescriptorsPauseMs);
}

void WriteResponse(evhttp_request* request, const HttpResponse& response,
                   bool close) {
  evkeyvalq* headers = evhttp_request_get_output_headers(request);
  evhttp_add_header(headers, "Content-Type", response.content_type.c_str());
  for (const auto& [name, value] : response.headers)
    evhttp_add_header(headers, name.c_str(), value.c_str());
  if (close) evhttp_add_header(headers, "Connection", "close");
  if (evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
    evhttp_add_header(headers, "Content-Length",
                      absl::StrCat(response.body.size()).c_str());
  } else {
    evbuffer_add(evhttp_request_get_output_buffer(request),
                 response.body.data(), response.body.size());
  }
  evhttp_send_reply(request, response.status, ReasonPhrase(response.status),
                    nullptr);
}

}  // namespace

// One request, from its arrival until its answer is out or its connection is
// lost. Shared by the reply and by the callbacks that libevent was given.
struct HttpServer::Exchange {
  HttpServer*
      server;  // Null once the server does not count this exchange any more.
  evhttp_request* request;  // Null once libevent has freed it, or is about to.
  std::shared_ptr<Exchange> self =
      nullptr;  // Held while libevent may call back.

  // libevent hands a request whose connection was lost before the answer over
  // to us.
  bool Detached() const {
    return evhttp_request_get_connection(request) == nullptr;
  }

  void Answer(const HttpResponse& response) {
    if (request == nullptr) return;
    if (Detached()) {
      evhttp_request_free(std::exchange(request, nullptr));
    } else {
      WriteResponse(request, response, server->draining_);
    }
  }

  void Finish() {
    const std::shared_ptr<Exchange> keep = std::move(self);
    --std::exchange(server, nullptr)->in_flight_;
  }

  static void OnAnswered(evhttp_request* request, void* argument) {
    auto* exchange = static_cast<Exchange*>(argument);
    evhttp_connection_set_closecb(evhttp_request_get_connection(request),
                                  nullptr, nullptr);
    exchange->request = nullptr;
    exchange->Finish();
  }

  static void OnClosed(evhttp_connection*, void* argument) {
    auto* exchange = static_cast<Exchange*>(argument);
    if (!exchange->Detached()) exchange->request = nullptr;
    exchange->Finish();
  }
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Create(
    EventLoop& loop, Listener listener, Handler handler,
    HttpServerOptions options) {
  std::unique_ptr<HttpServer> server(
      new HttpServer(loop, std::move(handler), options));
  const absl::Status status = server->Listen(std::move(listener));
  if (!status.ok()) return status;
  return server;
}

absl::Status HttpServer::Listen(Listener listener) {
  http_.reset(evhttp_new(loop_.base()));
  if (http_ == nullptr)
    return absl::ResourceExhaustedError("no memory for an HTTP server");
  evhttp_set_max_headers_size(http_.get(), kMaxHeaderBytes);
  evhttp_set_max_body_size(http_.get(),
                           options_.max_body_bytes * kBodyLimitFactor);
  evhttp_set_flags(http_.get(), EVHTTP_SERVER_LINGERING_CLOSE);
  evhttp_set_allowed_methods(
      http_.get(), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST |
                       EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS |
                       EVHTTP_REQ_PATCH | EVHTTP_REQ_TRACE |
                       EVHTTP_REQ_CONNECT);
  const timeval timeout = absl::ToTimeval(options_.idle_timeout);
  evhttp_set_timeout_tv(http_.get(), &timeout);
  evhttp_set_gencb(
      http_.get(),
      [](evhttp_request* request, void* self) {
        static_cast<HttpServer*>(self)->OnRequest(request);
      },
      this);
  port_ = listener.port();
  const std::string address = listener.address();
  bound_ = evhttp_accept_socket_with_handle(http_.get(), listener.fd());
  if (bound_ == nullptr)
    return absl::UnavailableError(
        absl::StrCat("cannot accept connections on ", address));
  listener.Release();
  evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(bound_),
                              PauseAccepting);
  return absl::OkStatus();
}

HttpServer::~HttpServer() = default;

void HttpServer::OnRequest(evhttp_request* request) {
  ++requests_;
  ++in_flight_;
  auto exchange =
      std::make_shared<Exchange>(Exchange{.server = this, .request = request});
  exchange->self = exchange;
  evhttp_request_set_on_complete_cb(request, &Exchange::OnAnswered,
                                    exchange.get());
  evhttp_connection_set_closecb(evhttp_request_get_connection(request),
                                &Exchange::OnClosed, exchange.get());
  HttpReply reply(
      [exchange](HttpResponse response) { exchange->Answer(response); });
  if (evbuffer_get_length(evhttp_request_get_input_buffer(request)) >
      options_.max_body_bytes) {
    reply.Send(HttpError(413, absl::StrCat("the body is larger than ",
                                           options_.max_body_bytes, " bytes")));
  } else if (in_flight_ > options_.max_in_flight) {
    reply.Send(HttpError(503, "too many requests are under way; try again"));
  } else {
    handler_(ReadRequest(request), std::move(reply));
  }
}

void HttpServer::Drain(absl::AnyInvocable<void() &&> done) {
  if (draining_) return;
  draining_ = true;
  drained_ = std::move(done);
  drain_start_ = std::chrono::steady_clock::now();
  evhttp_del_accept_socket(http_.get(), std::exchange(bound_, nullptr));
  CheckDrained();
}

void HttpServer::CheckDrained() {
  const absl::Duration elapsed =
      absl::FromChrono(std::chrono::steady_clock::now() - drain_start_);
  const bool idle = in_flight_ == 0 && (elapsed >= options_.drain_grace ||
                                        CountOpenConnections(port_) == 0);
  if (idle || elapsed >= options_.drain_limit) {
    std::move(drained_)();
  } else {
    drain_timer_.emplace(loop_, kDrainCheck, [this] { CheckDrained(); });
  }
}

}  // namespace espalier
