#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_LIVE_ENVIRONMENT_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_LIVE_ENVIRONMENT_H_

#include <array>
#include <csignal>
#include <string>

#include "absl/status/status.h"
#include "supervisor/environment/environment_body.h"
#include "supervisor/environment/environment_flags.h"
#include "supervisor/environment/pressure_guard.h"

namespace espalier {

// What stops an environment; the same once more kills it. SIGHUP and SIGINT do
// not if they are ignored when the program starts, as nohup(1) and a shell that
// puts it into the background want it.
inline constexpr std::array<int, 3> kStopSignals = {SIGINT, SIGTERM, SIGHUP};

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
