#ifndef ESPALIER_TOOLS_ENVCTL_SERVICE_CLIENT_H_
#define ESPALIER_TOOLS_ENVCTL_SERVICE_CLIENT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "supervisor/control/service_snapshot.h"

namespace espalier {

// A program that a person runs to talk to a service, and what it needs for
// that.
struct ServiceClient {
  // `program` is its name, or a path, and its arguments. NotFoundError if none
  // of the services has that name; it says which there are.
  static absl::StatusOr<ServiceClient> Make(
      const std::vector<ServiceSnapshot>& services, const std::string& service,
      absl::Span<const std::string> program);

  // Becomes the program, where the user stands, with the user's environment and
  // what is added to it. Returns only if that fails.
  absl::Status Exec() const;

  std::vector<std::string> arguments = {};  // the program first
  std::vector<ServiceSnapshot::Client::Variable> environment = {};
};

}  // namespace espalier

#endif  // ESPALIER_TOOLS_ENVCTL_SERVICE_CLIENT_H_
