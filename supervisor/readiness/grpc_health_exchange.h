#ifndef ESPALIER_SUPERVISOR_READINESS_GRPC_HEALTH_EXCHANGE_H_
#define ESPALIER_SUPERVISOR_READINESS_GRPC_HEALTH_EXCHANGE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/readiness/exchange.h"

struct nghttp2_session;

namespace espalier {

// One call of grpc.health.v1.Health/Check for the service "" over HTTP/2. Made
// with nghttp2 instead of gRPC, whose threads would go on waking up after the
// answer.
class GrpcHealthExchange : public Exchange {
 public:
  // `authority` is what the request calls the server: host and port.
  explicit GrpcHealthExchange(const std::string& authority);

  std::string TakeOutput() override;
  void Receive(absl::string_view bytes) override;
  const std::optional<absl::Status>& result() const override { return result_; }

 private:
  // What nghttp2 calls.
  struct Callbacks;
  struct DeleteSession {
    void operator()(nghttp2_session* session) const;
  };

  // A header of the answer, or a trailer.
  void TakeHeader(absl::string_view name, absl::string_view value);
  void TakeData(absl::string_view data);
  // The stream has ended: judges what came.
  void TakeEnd();
  void Fail(absl::string_view what);

  std::unique_ptr<nghttp2_session, DeleteSession> session_;
  int stream_ = 0;
  size_t received_ = 0;
  // What has come of the answer so far.
  std::string http_status_;
  std::string content_type_;
  std::string grpc_status_;
  std::string grpc_message_;
  std::string data_;
  std::optional<absl::Status> result_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_GRPC_HEALTH_EXCHANGE_H_
