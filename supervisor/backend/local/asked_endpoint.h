#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_ASKED_ENDPOINT_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_ASKED_ENDPOINT_H_

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"
#include "supervisor/backend/local/held_addresses.h"
#include "supervisor/readiness/probe_target.h"
#include "supervisor/wiring/command.h"

namespace espalier {

// What to ask, and where, to find out whether a service is ready. `readiness`
// must be one that asks an endpoint. InvalidArgument if its address makes no
// sense.
absl::StatusOr<ProbeTarget> ProbeTargetOf(const Readiness& readiness);

// Whether whoever listens at `endpoint` belongs to the tree of the service's
// main process `pid`, or the listening socket is our own, which the service
// inherits (`held` is what is held for it; may be null). The error names the
// stranger.
absl::Status CheckListener(const ServiceDefinition& definition,
                           const HeldAddresses::Held* held, pid_t pid,
                           const Endpoint& endpoint);

// Whether nobody else listens on any of the ports that are reserved for the
// service; that it does not either is no error. The error names the stranger.
absl::Status CheckForStrangers(const ServiceDefinition& definition,
                               const HeldAddresses::Held* held, pid_t pid);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_ASKED_ENDPOINT_H_
