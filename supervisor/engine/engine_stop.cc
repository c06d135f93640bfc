// From running to gone.
#include <utility>

#include "supervisor/engine/engine.h"

namespace espalier {

// With what needs it. Returns it, and those of the others that were wanted.
std::vector<ServiceId> Engine::AskStop(ServiceId id, Cause cause) {
  std::vector<ServiceId> stopped = {id};
  AskStopOne(id, cause);
  for (size_t i = 0; i < stopped.size(); ++i) {
    const Service& service = At(stopped[i]);
    for (const ServiceId dependent : service.dependents) {
      // Those of one that was told before have been told as well.
      if (!AskStopOne(dependent, Cause::kDependencyStops)) continue;
      stopped.push_back(dependent);
    }
    for (const ServiceId dependent : service.start_dependents) {
      // Otherwise its start would wait for ever.
      if (!At(dependent).fresh) continue;
      if (!AskStopOne(dependent, Cause::kDependencyStops)) continue;
      stopped.push_back(dependent);
    }
  }
  return stopped;
}

// Says whether this was news to the service.
bool Engine::AskStopOne(ServiceId id, Cause cause) {
  Service& service = At(id);
  const bool news = service.after != After::kInactive;
  if (news && !IsAtRest(service.state)) service.stop_cause = cause;
  switch (service.state) {
    case ServiceState::kInactive:
    case ServiceState::kDone:
    case ServiceState::kFailed:
      return false;
    case ServiceState::kWaiting:
    case ServiceState::kBlocked:
    case ServiceState::kBackoff:
      Move(id, ServiceState::kInactive, cause);
      return true;
    case ServiceState::kSpawning:
    case ServiceState::kStarting:
    case ServiceState::kReady:
      StopInOrder(id, After::kInactive, service.stop_cause);
      return news;
    default:
      service.after = After::kInactive;
      return news;
  }
}

void Engine::StopInOrder(ServiceId id, After after, Cause cause) {
  Service& service = At(id);
  service.after = after;
  service.stop_asked = true;
  service.stop_cause = cause;
  TellNeeds(id);
  CheckSoon(id);
}

void Engine::BeginStop(ServiceId id, Cause cause, std::string detail) {
  Service& service = At(id);
  service.stop_asked = false;
  Move(id, ServiceState::kStopping, cause, std::move(detail));
  if (service.spec.external) {
    RunEndedIfGone(id);
    return;
  }
  Do(Stop{id, service.generation, service.spec.stop.signal,
          service.spec.stop.grace});
}

void Engine::BeginKill(ServiceId id, Cause cause) {
  Service& service = At(id);
  service.stop_asked = false;
  Move(id, ServiceState::kKilling, cause);
  Do(Kill{id, service.generation});
}

void Engine::KillNow(ServiceId id) {
  Service& service = At(id);
  switch (service.state) {
    case ServiceState::kSpawning:
    case ServiceState::kStarting:
    case ServiceState::kReady:
    case ServiceState::kStopping:
      service.after = After::kInactive;
      service.stop_cause = Cause::kKillRequested;
      if (service.spec.external) {
        BeginStop(id, Cause::kKillRequested);
      } else {
        BeginKill(id, Cause::kKillRequested);
      }
      break;
    default:
      AskStopOne(id, Cause::kKillRequested);
      break;
  }
}

void Engine::LoseNow(ServiceId id) {
  Service& service = At(id);
  if (!IsRunning(service.state) && service.state != ServiceState::kStuck) {
    AskStopOne(id, Cause::kKeeperLost);
    return;
  }
  service.after = After::kInactive;
  service.stop_cause = Cause::kKeeperLost;
  service.stop_asked = false;
  if (!service.exited) service.last_exit = ExitResult::Lost();
  service.exited = true;
  service.drained = true;
  if (service.state != ServiceState::kDraining) {
    Move(id, ServiceState::kDraining, Cause::kKeeperLost);
  }
  RunEnded(id);
}

void Engine::BeginDrain(ServiceId id, Cause cause, std::string detail) {
  Service& service = At(id);
  service.stop_asked = false;
  Move(id, ServiceState::kDraining, cause, std::move(detail));
  if (!service.drained) Do(Kill{id, service.generation});
  RunEndedIfGone(id);
}

void Engine::RunEndedIfGone(ServiceId id) {
  Service& service = At(id);
  if (!service.exited || !service.drained) return;
  if (service.state != ServiceState::kDraining) {
    Move(id, ServiceState::kDraining, Cause::kExited,
         service.last_exit.has_value() ? service.last_exit->ToString() : "");
  }
  RunEnded(id);
}

}  // namespace espalier
