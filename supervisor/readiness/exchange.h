#ifndef ESPALIER_SUPERVISOR_READINESS_EXCHANGE_H_
#define ESPALIER_SUPERVISOR_READINESS_EXCHANGE_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace espalier {

// One request and its answer over one connection, as bytes: no sockets, no
// clock. Ends with OK if the answer says that the server is ready, else with
// UNAVAILABLE and what is wrong in a few words, such as "HTTP status 503".
// Takes whatever a peer may send. Not thread-safe.
class Exchange {
 public:
  // What is taken of one answer at most; a longer one is an error.
  static constexpr size_t kMaxAnswer = 256 * 1024;

  virtual ~Exchange() = default;

  // The bytes to send next, once; empty if there are none now.
  virtual std::string TakeOutput() = 0;

  // Takes bytes that the peer sent. Does nothing after the end.
  virtual void Receive(absl::string_view bytes) = 0;

  // The outcome; nothing while the answer is not complete.
  virtual const std::optional<absl::Status>& result() const = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_EXCHANGE_H_
