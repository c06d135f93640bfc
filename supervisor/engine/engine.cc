#include "supervisor/engine/engine.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "supervisor/engine/spawn_errors.h"

namespace espalier {

Engine::Engine(EngineOptions options)
    : seed_(options.seed),
      max_starting_(std::max(options.max_starting, 1)),
      kill_deadline_(options.kill_deadline) {
  groups_.emplace_back();
}

absl::StatusOr<GroupId> Engine::AddGroup(GroupSpec spec) {
  if (Index(spec.parent) >= groups_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "group ", spec.name, " is to belong to a group that does not exist"));
  }
  if (const absl::Status status = spec.restart.Validate(); !status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("group ", spec.name, ": ", status.message()));
  }
  if (!group_names_.emplace(spec.parent, spec.name).second) {
    return absl::AlreadyExistsError(
        absl::StrCat("there is a group ", spec.name, " here already"));
  }
  const GroupId id{static_cast<uint32_t>(groups_.size())};
  At(spec.parent).groups.push_back(id);
  groups_.emplace_back().spec = std::move(spec);
  return id;
}

absl::Status Engine::CheckSpec(const ServiceSpec& spec) const {
  if (Index(spec.group) >= groups_.size()) {
    return absl::InvalidArgumentError(
        "it is to belong to a group that does "
        "not exist");
  }
  for (const auto* needs : {&spec.needs, &spec.start_needs}) {
    for (const ServiceId need : *needs) {
      if (Index(need) < services_.size()) continue;
      return absl::InvalidArgumentError(
          "it needs a service that does not "
          "exist");
    }
  }
  if (spec.start_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("its start timeout must be longer than 0, not ",
                     absl::FormatDuration(spec.start_timeout)));
  }
  if (spec.liveness_failures < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("at least 1 failed probe must mean that it does not live "
                     "any more, not ",
                     spec.liveness_failures));
  }
  if (spec.external && spec.one_shot) {
    return absl::InvalidArgumentError("a one-shot cannot be external");
  }
  const absl::Status restart = spec.restart.Validate();
  return restart.ok() ? spec.stop.Validate() : restart;
}

absl::StatusOr<ServiceId> Engine::AddService(ServiceSpec spec) {
  if (const absl::Status status = CheckSpec(spec); !status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.name, ": ", status.message()));
  }
  if (service_names_.contains({spec.group, spec.name})) {
    return absl::AlreadyExistsError(
        absl::StrCat("there is a service ", spec.name, " here already"));
  }
  const ServiceId id{static_cast<uint32_t>(services_.size())};
  At(spec.group).services.push_back(id);
  const ServiceSpec& added = services_.emplace_back().spec = std::move(spec);
  service_names_.emplace(added.group, added.name);
  Link(id);
  return id;
}

absl::Status Engine::ReplaceService(ServiceId id, ServiceSpec spec) {
  const Service& service = At(id);
  if (spec.name != service.spec.name || spec.group != service.spec.group ||
      !IsAtRest(service.state) || service.state == ServiceState::kStuck) {
    return absl::InvalidArgumentError(
        absl::StrCat(service.spec.name,
                     " can be replaced only when nothing of it runs, and "
                     "keeps its name and group"));
  }
  absl::Status status = CheckSpec(spec);
  for (const auto* needs : {&spec.needs, &spec.start_needs}) {
    for (const ServiceId need : *needs) {
      if (status.ok() && need >= id) {
        status = absl::InvalidArgumentError(
            "it is to need a service that was added after it");
      }
    }
  }
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.name, ": ", status.message()));
  }
  Unlink(id);
  At(id).spec = std::move(spec);
  Link(id);
  return absl::OkStatus();
}

void Engine::Link(ServiceId id) {
  Service& service = At(id);
  for (auto* needs : {&service.spec.needs, &service.spec.start_needs}) {
    std::sort(needs->begin(), needs->end());
    needs->erase(std::unique(needs->begin(), needs->end()), needs->end());
  }
  for (const ServiceId need : service.spec.needs) {
    At(need).dependents.push_back(id);
    service.unmet_needs += !Satisfies(At(need).state);
    service.failed_needs += At(need).state == ServiceState::kFailed;
  }
  for (const ServiceId need : service.spec.start_needs) {
    At(need).start_dependents.push_back(id);
    service.unmet_start_needs += !Satisfies(At(need).state);
    service.failed_start_needs += At(need).state == ServiceState::kFailed;
  }
}

void Engine::Unlink(ServiceId id) {
  Service& service = At(id);
  for (const ServiceId need : service.spec.needs) {
    std::erase(At(need).dependents, id);
  }
  for (const ServiceId need : service.spec.start_needs) {
    std::erase(At(need).start_dependents, id);
  }
  service.unmet_needs = service.failed_needs = 0;
  service.unmet_start_needs = service.failed_start_needs = 0;
}

void Engine::Step(const Event& event, absl::Time now,
                  std::vector<Action>& actions) {
  now_ = std::max(now_, now);
  actions_ = &actions;
  std::visit([this](const auto& one) { Handle(one); }, event);
  Settle();
  while (const std::optional<ServiceId> due = timers_.PopDue(now_)) {
    HandleTimer(*due);
    Settle();
  }
  actions_ = nullptr;
}

std::vector<Action> Engine::Step(const Event& event, absl::Time now) {
  std::vector<Action> actions;
  Step(event, now, actions);
  return actions;
}

int Engine::FailuresInWindow(ServiceId id, absl::Time now) const {
  return At(id).window.Count(At(id).spec.restart, now);
}

absl::Status Engine::Error(ServiceId id) const {
  const Service& service = At(id);
  if (service.state == ServiceState::kFailed) return service.error;
  if (service.state != ServiceState::kStuck) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat(service.spec.name, " could not be killed within ",
                   absl::FormatDuration(kill_deadline_)));
}

bool Engine::IsClosed(GroupId id) const {
  if (closed_) return true;
  while (!At(id).stopping) {
    if (id == kRootGroup) return false;
    id = At(id).spec.parent;
  }
  return true;
}

std::vector<ServiceId> Engine::LiveDependents(ServiceId id) const {
  std::vector<ServiceId> found;
  absl::flat_hash_set<ServiceId> seen = {id};
  std::vector<ServiceId> todo = {id};
  while (!todo.empty()) {
    const ServiceId next = todo.back();
    todo.pop_back();
    for (const ServiceId dependent : At(next).dependents) {
      if (IsAtRest(At(dependent).state)) continue;
      if (!seen.insert(dependent).second) continue;
      found.push_back(dependent);
      todo.push_back(dependent);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool Engine::IsCurrent(ServiceId id, Generation generation) const {
  const Service& service = At(id);
  return service.generation == generation &&
         (IsRunning(service.state) || service.state == ServiceState::kStuck);
}

void Engine::Handle(const StartRequested& event) {
  if (!StartWithNeeds(event.id, Cause::kStartRequested)) return;
  Service& service = At(event.id);
  if (event.awaited && !Satisfies(service.state)) service.awaited = true;
}

void Engine::Handle(const StopRequested& event) {
  ForgetTakenAlong(event.id);
  const auto stopped = AskStop(event.id, Cause::kStopRequested);
  if (event.with_group.has_value()) TakeAlong(*event.with_group, stopped);
}

void Engine::Handle(const RestartRequested& event) {
  Service& service = At(event.id);
  const bool was_to_stop = service.after == After::kInactive;
  if (!StartWithNeeds(event.id, Cause::kRestartRequested)) return;
  switch (service.state) {
    case ServiceState::kBackoff:
      ResetStartClock(service);
      Move(event.id, ServiceState::kWaiting, Cause::kRestartRequested);
      break;
    case ServiceState::kSpawning:
    case ServiceState::kStarting:
    case ServiceState::kReady:
      // It was stopped, and is started now: nothing is left of its record.
      if (was_to_stop) BeginRecord(service);
      StopInOrder(event.id, After::kRestart, Cause::kRestartRequested);
      break;
    case ServiceState::kStopping:
    case ServiceState::kKilling:
    case ServiceState::kDraining:
    case ServiceState::kStuck:
      service.after = After::kRestart;
      break;
    default:
      break;
  }
}

void Engine::Handle(const ResetRequested& event) {
  Service& service = At(event.id);
  service.window.Clear();
  service.failures_in_row = 0;
  if (service.state != ServiceState::kDone &&
      service.state != ServiceState::kFailed) {
    return;
  }
  service.stop_cause = Cause::kResetRequested;
  Move(event.id, ServiceState::kInactive, Cause::kResetRequested);
}

bool Engine::HasEnded() const { return closed_ && !At(kRootGroup).stopping; }

void Engine::Handle(const StopGroupRequested& event) {
  if (HasEnded()) return;
  StopGroup(event.group, Cause::kGroupStops);
}

void Engine::Handle(const GroupFailed& event) {
  if (event.group == kRootGroup) return;
  const GroupId parent = At(event.group).spec.parent;
  if (!IsClosed(parent)) {
    GiveUp(parent, event.culprit, event.error, /*passed_on=*/true);
  }
}

void Engine::Handle(const StopAll&) {
  if (HasEnded()) return;
  closed_ = true;
  StopGroup(kRootGroup, Cause::kGroupStops);
}

void Engine::Handle(const KillAll&) {
  if (HasEnded()) return;
  closed_ = true;
  At(kRootGroup).stopping = true;
  groups_to_check_.push_back(kRootGroup);
  for (size_t i = 0; i < services_.size(); ++i) {
    KillNow(ServiceId{static_cast<uint32_t>(i)});
  }
}

void Engine::Handle(const KeeperLost&) {
  // What is stuck goes with the keeper even after the end.
  if (!HasEnded()) EndWithoutKeeper();
  for (size_t i = 0; i < services_.size(); ++i) {
    LoseNow(ServiceId{static_cast<uint32_t>(i)});
  }
}

void Engine::EndWithoutKeeper() {
  closed_ = true;
  Group& root = At(kRootGroup);
  root.stopping = true;
  root.error.Update(absl::UnavailableError(
      "the keeper, the parent of every service's process, or its guard was "
      "killed, so all services were ended"));
  groups_to_check_.push_back(kRootGroup);
}

void Engine::Handle(const Spawned& event) {
  if (!IsCurrent(event.id, event.generation)) return;
  Service& service = At(event.id);
  if (!service.exited) service.pid = event.pid;
  if (service.state != ServiceState::kSpawning) return;
  Move(event.id, ServiceState::kStarting, Cause::kSpawned);
  BeginProbe(event.id);
}

void Engine::Handle(const SpawnFailed& event) {
  if (!IsCurrent(event.id, event.generation)) return;
  Service& service = At(event.id);
  if (service.exited || service.pid != 0) return;
  service.trouble = event.error == 0 ? event.stage
                                     : absl::StrCat(event.stage, ": ",
                                                    ErrnoText(event.error));
  const bool passing = event.passing || IsPassingSpawnError(event.error);
  if (!passing) {
    // For who awaits the start, also if it was to be stopped meanwhile.
    service.error = absl::FailedPreconditionError(absl::StrCat(
        service.spec.name, " cannot be started: ", service.trouble));
  }
  service.last_exit = std::nullopt;
  service.exited = true;
  service.drained = true;
  if (service.state == ServiceState::kSpawning) {
    SpawnRefused(event.id, passing);
  } else {
    RunEndedIfGone(event.id);
  }
}

void Engine::Handle(const BecameReady& event) {
  if (!IsCurrent(event.id, event.generation)) return;
  const Service& service = At(event.id);
  if (service.state != ServiceState::kStarting || service.spec.one_shot) return;
  Move(event.id, ServiceState::kReady, Cause::kReady);
}

void Engine::Handle(const ProbeFailed& event) {
  if (!IsCurrent(event.id, event.generation)) return;
  Service& service = At(event.id);
  if (service.state == ServiceState::kStarting) {
    service.trouble = event.complaint;
  } else if (service.state == ServiceState::kReady) {
    service.complaint = event.complaint;
    ++service.failed_probes;
    if (!service.spared) CheckLiveness(event.id);
  }
}

void Engine::Handle(const ProbePassed& event) {
  if (!IsCurrent(event.id, event.generation)) return;
  if (At(event.id).state == ServiceState::kReady) Forgive(event.id);
}

void Engine::Handle(const Exited& event) {
  if (!IsCurrent(event.id, event.generation)) return;
  Service& service = At(event.id);
  if (service.exited) return;
  service.exited = true;
  service.pid = 0;
  service.last_exit = event.result;
  if (service.state == ServiceState::kStopping ||
      service.state == ServiceState::kKilling) {
    RunEndedIfGone(event.id);
  } else {
    if (service.after == After::kJudge && !service.liveness_lost) {
      service.trouble = event.result.ToString();
    }
    BeginDrain(event.id, Cause::kExited, event.result.ToString());
  }
}

void Engine::Handle(const Drained& event) {
  if (!IsCurrent(event.id, event.generation)) return;
  At(event.id).drained = true;
  RunEndedIfGone(event.id);
}

void Engine::Handle(const MaxStartingChanged& event) {
  max_starting_ = std::max(event.max_starting, 1);
}

void Engine::HandleTimer(ServiceId id) {
  const Service& service = At(id);
  switch (service.state) {
    case ServiceState::kSpawning:
    case ServiceState::kStarting:
      StartTimedOut(id);
      break;
    case ServiceState::kReady:
      SpareNoLonger(id);
      break;
    case ServiceState::kStopping:
      BeginKill(id, Cause::kGraceOver);
      break;
    case ServiceState::kKilling:
    case ServiceState::kDraining:
      Move(id, ServiceState::kStuck, Cause::kUnkillable);
      break;
    case ServiceState::kBackoff:
      if (now_ >= service.start_deadline) {
        StartTimedOut(id);
      } else {
        Move(id, ServiceState::kWaiting, Cause::kBackoffOver);
      }
      break;
    default:
      break;
  }
}

}  // namespace espalier
