#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_USER_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_USER_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace espalier {

// The user that services run as, where it is not the one that runs the
// environment. A value type.
struct ServiceUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;

  // nullopt if services are to run as the user that runs the environment: when
  // that is not root, or is root where the user cannot be changed (a container
  // or sandbox that maps no other user). Otherwise `name`, which must exist
  // (NotFoundError).
  static absl::StatusOr<std::optional<ServiceUser>> ForServices(
      const std::string& name);
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_USER_H_
