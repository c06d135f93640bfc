// From asked for to running.
#include <algorithm>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "supervisor/engine/engine.h"

namespace espalier {
namespace {

// The pause after a spawn that failed in passing is never shorter, whatever the
// rule says: the machine is short of something.
constexpr absl::Duration kShortestSpawnPause = absl::Milliseconds(10);

}  // namespace

std::string Engine::ErrnoText(int error) {
  return std::generic_category().message(error);
}

bool Engine::StartWithNeeds(ServiceId id, Cause cause) {
  if (IsClosed(At(id).spec.group)) return false;
  // Ids grow from needs to those that need them, so the order of ids is an
  // order in which they can start.
  absl::flat_hash_set<ServiceId> seen = {id};
  std::vector<ServiceId> all = {id};
  for (size_t i = 0; i < all.size(); ++i) {
    const ServiceId next = all[i];
    for (const auto* needs :
         {&At(next).spec.needs, &At(next).spec.start_needs}) {
      for (const ServiceId need : *needs) {
        const Service& service = At(need);
        const bool down = service.state == ServiceState::kInactive ||
                          service.after == After::kInactive;
        if (!down) continue;
        if (IsClosed(service.spec.group)) return false;
        if (seen.insert(need).second) all.push_back(need);
      }
    }
  }
  std::sort(all.begin(), all.end());
  for (const ServiceId one : all) {
    ForgetTakenAlong(one);
    StartOne(one, cause);
  }
  return true;
}

void Engine::StartOne(ServiceId id, Cause cause) {
  Service& service = At(id);
  ForgetGroupErrors(service.spec.group);
  switch (service.state) {
    case ServiceState::kInactive:
    case ServiceState::kDone:
    case ServiceState::kFailed:
      BeginRecord(service);
      ResetStartClock(service);
      service.after = After::kJudge;
      service.trouble.clear();
      service.error = absl::OkStatus();
      Move(id, ServiceState::kWaiting, cause);
      break;
    case ServiceState::kSpawning:
    case ServiceState::kStarting:
    case ServiceState::kReady:
      if (service.after == After::kInactive) TakeBackStop(id);
      break;
    case ServiceState::kStopping:
    case ServiceState::kKilling:
    case ServiceState::kDraining:
    case ServiceState::kStuck:
      if (service.after != After::kInactive && service.after != After::kFail) {
        break;
      }
      service.after = After::kRestart;
      BeginRecord(service);
      break;
    default:
      break;
  }
}

void Engine::BeginRecord(Service& service) {
  service.window.Clear();
  service.failures_in_row = 0;
  service.spawn_retries = 0;
  service.awaited = false;
  service.fresh = true;
}

void Engine::ResetStartClock(Service& service) {
  service.start_deadline = absl::InfiniteFuture();
  service.start_left = std::nullopt;
}

void Engine::TakeBackStop(ServiceId id) {
  Service& service = At(id);
  if (NeedGoesDown(service) || !service.batches.empty()) {
    // It cannot stay up without it, or others wait for it to restart with
    // them, so it goes down first all the same.
    service.after = After::kRestart;
    BeginRecord(service);
    return;
  }
  service.after = After::kJudge;
  service.stop_asked = false;
  service.fresh = false;
  TellNeeds(id);
  for (const ServiceId dependent : service.dependents) CheckSoon(dependent);
}

bool Engine::NeedGoesDown(const Service& service) const {
  return std::any_of(service.spec.needs.begin(), service.spec.needs.end(),
                     [this](ServiceId need) {
                       return At(need).stop_asked ||
                              At(need).after == After::kInactive;
                     });
}

bool Engine::NeedsMet(const Service& service) const {
  return service.unmet_needs == 0 &&
         (!service.fresh || service.unmet_start_needs == 0) &&
         !NeedGoesDown(service);
}

bool Engine::NeedsFailed(const Service& service) const {
  return service.failed_needs > 0 ||
         (service.fresh && service.failed_start_needs > 0);
}

void Engine::CheckWaiting(ServiceId id) {
  Service& service = At(id);
  if (NeedsFailed(service)) {
    ResetStartClock(service);
    Move(id, ServiceState::kBlocked, Cause::kNeedFailed);
    return;
  }
  if (!NeedsMet(service) || !service.batches.empty()) return;
  if (service.queued_to_start) return;
  service.queued_to_start = true;
  to_start_.push_back(id);
}

void Engine::CheckBlocked(ServiceId id) {
  if (NeedsFailed(At(id))) return;
  // Reset alone does not heal: what had failed has to become ready.
  if (!NeedsMet(At(id))) return;
  Move(id, ServiceState::kWaiting, Cause::kNeedHealed);
}

void Engine::StartQueued() {
  while (starting_ < MaxStarting() && !to_start_.empty()) {
    const ServiceId id = to_start_.front();
    to_start_.pop_front();
    Service& service = At(id);
    service.queued_to_start = false;
    // Things may have changed since it was queued; whoever changed them has
    // had it checked, or will.
    if (service.state != ServiceState::kWaiting) continue;
    if (!NeedsMet(service) || !service.batches.empty()) continue;
    BeginRun(id);
  }
}

void Engine::BeginRun(ServiceId id) {
  Service& service = At(id);
  ++service.generation;
  service.pid = 0;
  service.error = absl::OkStatus();
  service.after = After::kJudge;
  service.exited = service.spec.external;
  service.drained = service.spec.external;
  service.liveness_lost = false;
  service.failed_probes = 0;
  service.ready_for = absl::ZeroDuration();
  service.fresh = false;
  service.start_deadline =
      now_ + service.start_left.value_or(service.spec.start_timeout);
  if (service.spec.external) {
    Move(id, ServiceState::kStarting, Cause::kNeedsMet);
    BeginProbe(id);
    return;
  }
  Move(id, ServiceState::kSpawning, Cause::kNeedsMet);
  Do(Spawn{id, service.generation});
}

void Engine::BeginProbe(ServiceId id) {
  Service& service = At(id);
  if (service.spec.one_shot) return;
  service.probing = true;
  Do(StartProbe{id, service.generation});
}

void Engine::SpawnRefused(ServiceId id, bool passing) {
  Service& service = At(id);
  if (service.after != After::kJudge) {
    // It was to be stopped once others are down; now there is nothing to stop.
    service.stop_asked = false;
    Move(id, ServiceState::kStopping, service.stop_cause);
    RunEndedIfGone(id);
    return;
  }
  if (!passing) {
    Fail(id, service.error, Cause::kSpawnFailed);
    return;
  }
  const absl::Duration pause = PauseBeforeRun(id, ++service.spawn_retries);
  Pause(id, std::max(pause, kShortestSpawnPause), Cause::kSpawnFailed,
        service.trouble);
}

void Engine::StartTimedOut(ServiceId id) {
  Service& service = At(id);
  const std::string trouble = service.trouble;
  const absl::Status error = absl::DeadlineExceededError(
      absl::StrCat(service.spec.name,
                   service.spec.one_shot ? " did not complete within "
                                         : " did not become ready within ",
                   absl::FormatDuration(service.spec.start_timeout),
                   trouble.empty() ? "" : ": ", trouble));
  if (service.state == ServiceState::kBackoff) {
    Fail(id, error, Cause::kStartTimeout);
    return;
  }
  if (Spare(id)) return;
  if (service.after == After::kJudge) {
    service.after = After::kFail;
    service.error = error;
  }
  BeginStop(id, Cause::kStartTimeout, trouble);
}

}  // namespace espalier
