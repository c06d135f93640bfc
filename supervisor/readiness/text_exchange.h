#ifndef ESPALIER_SUPERVISOR_READINESS_TEXT_EXCHANGE_H_
#define ESPALIER_SUPERVISOR_READINESS_TEXT_EXCHANGE_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/readiness/exchange.h"

namespace espalier {

// Sends `request` and wants an answer that begins with `beginning`. For
// protocols that have a question such as Redis' PING.
class TextExchange : public Exchange {
 public:
  TextExchange(std::string request, std::string beginning)
      : output_(std::move(request)), beginning_(std::move(beginning)) {}

  std::string TakeOutput() override { return std::exchange(output_, ""); }
  void Receive(absl::string_view bytes) override;
  const std::optional<absl::Status>& result() const override { return result_; }

 private:
  std::string output_;
  const std::string beginning_;
  std::string received_;  // as much as is needed
  std::optional<absl::Status> result_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_TEXT_EXCHANGE_H_
