#ifndef ESPALIER_TOOLS_ENVCTL_SERVICE_TABLE_H_
#define ESPALIER_TOOLS_ENVCTL_SERVICE_TABLE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/control/service_snapshot.h"
#include "supervisor/instance/lock_holder.h"

namespace espalier {

// What `envctl ps` prints. `width` in columns: the terminal's.
std::string ServiceTable(const std::vector<ServiceSnapshot>& services,
                         absl::Time now, std::optional<int> width);

// All that is known of the services, with stable names for programs: an object
// with "environment", "instance", "notes" (what works less well on this
// machine) and the array "services".
std::string ServicesJson(const LockHolder& environment,
                         const std::vector<ServiceSnapshot>& services,
                         const std::vector<std::string>& notes = {});

// What `envctl list` prints.
std::string EnvironmentTable(const std::vector<LockHolder>& environments,
                             absl::Time now, std::optional<int> width);
std::string EnvironmentsJson(const std::vector<LockHolder>& environments);

}  // namespace espalier

#endif  // ESPALIER_TOOLS_ENVCTL_SERVICE_TABLE_H_
