#ifndef ESPALIER_SERVICES_COMMON_HTTP_MESSAGE_H_
#define ESPALIER_SERVICES_COMMON_HTTP_MESSAGE_H_

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace espalier {

// A request as handlers see it: complete, its path and query percent-decoded.
struct HttpRequest {
  // "GET", "POST", … A HEAD request arrives as "GET"; the server leaves the
  // body out of the answer.
  std::string method;
  // Begins with "/"; without the query. May hold any byte: it came from
  // outside.
  std::string path;
  // The query's parameters; of a repeated one, the last.
  std::map<std::string, std::string> query;
  std::string body;
};

// An answer. `body` is sent as it is.
struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  // Further header lines; neither part may contain line breaks.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

// An answer with `body` on one line. Its strings may hold any bytes: what is no
// UTF-8 is replaced.
HttpResponse HttpJson(int status, const nlohmann::json& body);

// An answer {"error": reason}. `reason` is a sentence for whoever sent the
// request.
HttpResponse HttpError(int status, absl::string_view reason);

// The same for an operation that failed: 400, 404 or 409 where the request is
// to blame (kInvalidArgument, kNotFound, kAlreadyExists), 503 where another
// time may do (kUnavailable, kDeadlineExceeded), and 500 for the rest.
HttpResponse HttpError(const absl::Status& status);

// 405, with the methods that the path has ("GET, POST") in the Allow header.
HttpResponse HttpMethodNotAllowed(absl::string_view allowed);

// The way to answer one request. Move-only; answers once. Used on the server's
// thread only. Destroyed without an answer, it answers 500, so that no client
// waits for ever. Once the client or the server is gone, an answer goes
// nowhere.
class HttpReply {
 public:
  using Sink = absl::AnyInvocable<void(HttpResponse) &&>;

  explicit HttpReply(Sink sink) : sink_(std::move(sink)) {}
  HttpReply(HttpReply&& other) noexcept
      : sink_(std::exchange(other.sink_, nullptr)) {}
  HttpReply& operator=(HttpReply&&) = delete;
  ~HttpReply() {
    if (sink_ != nullptr)
      Send(HttpError(500, "the server dropped this request"));
  }

  void Send(HttpResponse response) {
    std::exchange(sink_, nullptr)(std::move(response));
  }

 private:
  Sink sink_;
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_HTTP_MESSAGE_H_
