// The one way to change a state, and what follows from it for the others.
#include <algorithm>
#include <utility>

#include "supervisor/engine/engine.h"

namespace espalier {
namespace {

bool IsStartingState(ServiceState state) {
  return state == ServiceState::kSpawning || state == ServiceState::kStarting;
}

}  // namespace

void Engine::Move(ServiceId id, ServiceState to, Cause cause,
                  std::string detail) {
  Service& service = At(id);
  const ServiceState from = service.state;
  if (from == ServiceState::kReady) {
    service.ready_for = now_ - service.since;
  }
  if (service.probing && to != ServiceState::kReady) {
    service.probing = false;
    Do(StopProbe{id, service.generation});
  }
  service.spared = false;
  service.state = to;
  service.cause = cause;
  service.since = now_;
  if (Satisfies(to)) {
    service.awaited = false;
    ResetStartClock(service);
    service.trouble.clear();
  }
  if (from == ServiceState::kSpawning && to != ServiceState::kBackoff) {
    service.spawn_retries = 0;
  }
  if (to == ServiceState::kWaiting &&
      service.start_deadline != absl::InfiniteFuture()) {
    service.start_left = service.start_deadline - now_;
    service.start_deadline = absl::InfiniteFuture();
  }
  if (IsStartingState(from)) --starting_;
  if (IsStartingState(to)) ++starting_;
  Do(Changed{++revision_, id, service.generation, from, to, cause,
             std::move(detail)});
  ArmTimer(id);
  TellNeeds(id);
  TellDependents(id, from, to);
  TellGroups(id, from, to);
  if (!IsRunning(to)) ArriveInBatches(id);
  if (to == ServiceState::kWaiting) CheckSoon(id);
}

void Engine::ArmTimer(ServiceId id) {
  const Service& service = At(id);
  switch (service.state) {
    case ServiceState::kSpawning:
    case ServiceState::kStarting:
      timers_.Set(id, service.start_deadline);
      break;
    case ServiceState::kStopping:
      timers_.Set(id, now_ + service.spec.stop.grace);
      break;
    case ServiceState::kKilling:
    case ServiceState::kDraining:
      timers_.Set(id, now_ + kill_deadline_);
      break;
    case ServiceState::kBackoff:
      timers_.Set(id, std::min(service.run_at, service.start_deadline));
      break;
    default:
      timers_.Clear(id);
      break;
  }
}

void Engine::TellDependents(ServiceId id, ServiceState from, ServiceState to) {
  const int unmet = Satisfies(from) - Satisfies(to);
  const int failed =
      (to == ServiceState::kFailed) - (from == ServiceState::kFailed);
  if (unmet == 0 && failed == 0) return;
  for (const ServiceId dependent : At(id).dependents) {
    At(dependent).unmet_needs += unmet;
    At(dependent).failed_needs += failed;
    CheckSoon(dependent);
  }
  for (const ServiceId dependent : At(id).start_dependents) {
    At(dependent).unmet_start_needs += unmet;
    At(dependent).failed_start_needs += failed;
    CheckSoon(dependent);
  }
}

void Engine::TellNeeds(ServiceId id) {
  Service& service = At(id);
  const bool ending =
      IsRunning(service.state) &&
      (service.stop_asked || service.state >= ServiceState::kStopping);
  if (ending == service.counted_ending) return;
  service.counted_ending = ending;
  for (const ServiceId need : service.spec.needs) {
    At(need).ending_dependents += ending ? 1 : -1;
    CheckSoon(need);
  }
}

void Engine::TellGroups(ServiceId id, ServiceState from, ServiceState to) {
  const int active = IsAtRest(from) - IsAtRest(to);
  if (active == 0) return;
  GroupId group = At(id).spec.group;
  while (true) {
    At(group).active += active;
    if (At(group).active == 0) groups_to_check_.push_back(group);
    if (group == kRootGroup) return;
    group = At(group).spec.parent;
  }
}

void Engine::CheckSoon(ServiceId id) {
  Service& service = At(id);
  const bool waits = service.state == ServiceState::kWaiting ||
                     service.state == ServiceState::kBlocked;
  if ((!waits && !service.stop_asked) || service.queued_to_check) return;
  service.queued_to_check = true;
  to_check_.push_back(id);
}

void Engine::Check(ServiceId id) {
  const Service& service = At(id);
  if (service.stop_asked) {
    if (service.ending_dependents == 0) BeginStop(id, service.stop_cause);
  } else if (service.state == ServiceState::kWaiting) {
    CheckWaiting(id);
  } else if (service.state == ServiceState::kBlocked) {
    CheckBlocked(id);
  }
}

void Engine::Settle() {
  while (true) {
    // More may be added while these are looked at.
    for (size_t i = 0; i < to_check_.size(); ++i) {
      const ServiceId id = to_check_[i];
      At(id).queued_to_check = false;
      Check(id);
    }
    to_check_.clear();
    StartQueued();
    if (to_check_.empty()) break;
  }
  for (size_t i = 0; i < groups_to_check_.size(); ++i) {
    CheckStopped(groups_to_check_[i]);
  }
  groups_to_check_.clear();
}

}  // namespace espalier
