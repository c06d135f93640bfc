#ifndef ESPALIER_SUPERVISOR_READINESS_HTTP_EXCHANGE_H_
#define ESPALIER_SUPERVISOR_READINESS_HTTP_EXCHANGE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/readiness/exchange.h"

namespace espalier {

// GET over HTTP/1.1 which wants a status 2xx. It ends with the head of the
// answer; what comes after that does not matter. libevent's HTTP client is not
// used, since it connects by itself and would send before anybody has looked at
// who listens.
class HttpExchange : public Exchange {
 public:
  // `host` is what the Host header says; `path` begins with '/'. Neither has
  // anything but visible ASCII characters in it.
  HttpExchange(absl::string_view host, absl::string_view path);

  std::string TakeOutput() override;
  void Receive(absl::string_view bytes) override;
  const std::optional<absl::Status>& result() const override { return result_; }

 private:
  void TakeLine(absl::string_view line);
  void Fail(absl::string_view what);

  std::string output_;
  // The beginning of a line whose end has not come yet.
  std::string partial_line_;
  size_t received_ = 0;
  // Of the head that is being read; 0 before its first line.
  int status_ = 0;
  std::optional<absl::Status> result_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_HTTP_EXCHANGE_H_
