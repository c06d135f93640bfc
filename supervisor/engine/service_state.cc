#include "supervisor/engine/service_state.h"

namespace espalier {

std::string_view ServiceStateName(ServiceState state) {
  switch (state) {
    case ServiceState::kInactive:
      return "INACTIVE";
    case ServiceState::kWaiting:
      return "WAITING";
    case ServiceState::kBlocked:
      return "BLOCKED";
    case ServiceState::kSpawning:
      return "SPAWNING";
    case ServiceState::kStarting:
      return "STARTING";
    case ServiceState::kReady:
      return "READY";
    case ServiceState::kStopping:
      return "STOPPING";
    case ServiceState::kKilling:
      return "KILLING";
    case ServiceState::kDraining:
      return "DRAINING";
    case ServiceState::kBackoff:
      return "BACKOFF";
    case ServiceState::kStuck:
      return "STUCK";
    case ServiceState::kDone:
      return "DONE";
    case ServiceState::kFailed:
      return "FAILED";
  }
  return "UNKNOWN";
}

std::optional<ServiceState> ParseServiceState(std::string_view name) {
  for (const ServiceState state : kAllServiceStates) {
    if (ServiceStateName(state) == name) return state;
  }
  return std::nullopt;
}

std::ostream& operator<<(std::ostream& out, ServiceState state) {
  return out << ServiceStateName(state);
}

}  // namespace espalier
