// The states of one service; engine.h tells what leads from one to the next.
#ifndef SUPERVISOR_ENGINE_SERVICE_STATE_H_
#define SUPERVISOR_ENGINE_SERVICE_STATE_H_

#include <array>
#include <optional>
#include <ostream>
#include <string_view>

namespace espalier {

enum class ServiceState {
  kInactive,  // Not asked for, nothing runs.
  kWaiting,   // Asked for; waits for what it needs, or for its turn to start.
  kBlocked,   // Asked for; something it needs has failed for good.
  kSpawning,  // The keeper was told to start the process and has not answered
              // yet.
  kStarting,  // The process runs and is not ready yet.
  kReady,     // The process runs and serves.
  kStopping,  // The process was asked to end and has its grace time.
  kKilling,   // The process and its tree are being killed.
  kDraining,  // The process has ended; what is left of its tree is being
              // killed.
  kBackoff,   // Waits for the time of its next run.
  kStuck,     // Something of it could not be killed. No second copy is started.
  kDone,      // Has completed; counts as ready for those that need it.
  kFailed,    // Has failed for good; only an explicit start or reset leads out.
};

// Every state, in the order of the enumeration, for tables and tests.
inline constexpr std::array kAllServiceStates = {
    ServiceState::kInactive, ServiceState::kWaiting,  ServiceState::kBlocked,
    ServiceState::kSpawning, ServiceState::kStarting, ServiceState::kReady,
    ServiceState::kStopping, ServiceState::kKilling,  ServiceState::kDraining,
    ServiceState::kBackoff,  ServiceState::kStuck,    ServiceState::kDone,
    ServiceState::kFailed,
};

// "INACTIVE", "WAITING", …: the name that people see.
std::string_view ServiceStateName(ServiceState state);

// The state of that name, or nullopt if there is none. Case matters.
std::optional<ServiceState> ParseServiceState(std::string_view name);

// Whether whoever needs the service may start: READY or DONE.
constexpr bool Satisfies(ServiceState state) {
  return state == ServiceState::kReady || state == ServiceState::kDone;
}

// Whether a process of the service may exist that is expected to end or can be
// asked to: SPAWNING to DRAINING.
constexpr bool IsRunning(ServiceState state) {
  return state >= ServiceState::kSpawning && state <= ServiceState::kDraining;
}

// Whether the service stays as it is until somebody asks for something:
// INACTIVE, DONE, FAILED or STUCK.
constexpr bool IsAtRest(ServiceState state) {
  return state == ServiceState::kInactive || state >= ServiceState::kStuck;
}

std::ostream& operator<<(std::ostream& out, ServiceState state);

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_SERVICE_STATE_H_
