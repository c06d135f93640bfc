#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_LIVE_ENVIRONMENT_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_LIVE_ENVIRONMENT_H_

#include <string>

#include "absl/status/status.h"
#include "supervisor/environment/environment_body.h"
#include "supervisor/environment/environment_flags.h"
#include "supervisor/environment/pressure_guard.h"

namespace espalier {

// Runs an environment on this machine in the foreground, until it has been
// stopped (OK) or has failed (why). `program` is argv[0]. The only use of
// signals, terminal and control socket is here. Blocks; takes over SIGINT,
// SIGTERM, SIGHUP. Who tells how short the machine is of something is
// `pressure`.
absl::Status RunLive(const std::string& name, const std::string& program,
                     const EnvironmentBody& body, const EnvironmentFlags& flags,
                     PressureGuard::Options pressure = {});

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_LIVE_ENVIRONMENT_H_
