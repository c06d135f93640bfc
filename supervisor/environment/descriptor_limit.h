#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_DESCRIPTOR_LIMIT_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_DESCRIPTOR_LIMIT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "supervisor/environment/plan.h"

namespace espalier {

// Whether all services of the plan can run at once with at most `hard_limit`
// open descriptors in each of our processes. ResourceExhausted says how many
// are needed.
absl::Status CheckDescriptors(const Plan& plan, uint64_t hard_limit);

// The hard limit of this process.
uint64_t HardDescriptorLimit();

// Lets this process have as many descriptors as it may. What it starts from
// now on inherits that.
void RaiseDescriptorLimit();

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_DESCRIPTOR_LIMIT_H_
