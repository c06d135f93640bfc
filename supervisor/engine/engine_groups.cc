// What one service does to the others of its group.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/engine/engine.h"

namespace espalier {

void Engine::AppendServices(GroupId id,
                            std::vector<ServiceId>& services) const {
  std::vector<GroupId> todo = {id};
  while (!todo.empty()) {
    const Group& group = At(todo.back());
    todo.pop_back();
    services.insert(services.end(), group.services.begin(),
                    group.services.end());
    todo.insert(todo.end(), group.groups.begin(), group.groups.end());
  }
}

bool Engine::IsInside(GroupId id, GroupId outer) const {
  while (id != outer && id != kRootGroup) id = At(id).spec.parent;
  return id == outer;
}

void Engine::StopGroup(GroupId id, Cause cause) {
  At(id).stopping = true;
  groups_to_check_.push_back(id);
  std::vector<ServiceId> services;
  AppendServices(id, services);
  std::sort(services.rbegin(), services.rend());
  for (const ServiceId service : services) {
    TakeAlong(id, AskStop(service, cause));
  }
}

// Those that have ended at the same time, and that nobody will judge any more.
absl::Status Engine::WithOtherDeaths(GroupId id, ServiceId culprit,
                                     const absl::Status& error) const {
  while (id != kRootGroup && !At(id).spec.awaited) id = At(id).spec.parent;
  std::vector<ServiceId> services;
  AppendServices(id, services);
  std::sort(services.begin(), services.end());
  std::string text(error.message());
  for (const ServiceId other : services) {
    const Service& service = At(other);
    if (other == culprit || service.state != ServiceState::kDraining ||
        service.after != After::kJudge) {
      continue;
    }
    absl::StrAppend(&text, "\nand: ", service.spec.name, ": ", service.trouble);
  }
  return absl::Status(error.code(), text);
}

void Engine::GiveUp(GroupId id, ServiceId culprit, absl::Status error,
                    bool passed_on) {
  error = WithOtherDeaths(id, culprit, error);
  while (true) {
    Group& group = At(id);
    group.error = error;
    group.stopping = true;
    groups_to_check_.push_back(id);
    Do(GaveUp{id, culprit, error, passed_on});
    if (id == kRootGroup || group.spec.awaited) break;
    id = group.spec.parent;
  }
  if (id == kRootGroup) closed_ = true;
  StopGroup(id, Cause::kGroupStops);
}

void Engine::CheckStopped(GroupId id) {
  Group& group = At(id);
  if (!group.stopping || group.active > 0) return;
  group.stopping = false;
  Do(GroupStopped{id, StoppedStatus(id)});
}

absl::Status Engine::StoppedStatus(GroupId id) const {
  if (!At(id).error.ok()) return At(id).error;
  std::vector<ServiceId> services;
  AppendServices(id, services);
  std::sort(services.begin(), services.end());
  std::vector<std::string> stuck;
  for (const ServiceId service : services) {
    if (At(service).state != ServiceState::kStuck) continue;
    stuck.push_back(At(service).spec.name);
  }
  if (stuck.empty()) return absl::OkStatus();
  return absl::DeadlineExceededError(
      absl::StrCat("could not be killed: ", absl::StrJoin(stuck, ", ")));
}

void Engine::ForgetGroupErrors(GroupId id) {
  while (true) {
    Group& group = At(id);
    // What gave up and is started anew has a clean record.
    if (!group.error.ok()) group.window.Clear();
    group.error = absl::OkStatus();
    if (id == kRootGroup) return;
    id = group.spec.parent;
  }
}

// They join those who wait for the group since it was stopped before.
void Engine::TakeAlong(GroupId id, const std::vector<ServiceId>& stopped) {
  std::vector<ServiceId>& along = At(id).taken_along;
  for (const ServiceId one : stopped) {
    if (IsInside(At(one).spec.group, id)) continue;
    along.insert(std::lower_bound(along.begin(), along.end(), one), one);
  }
}

void Engine::ForgetTakenAlong(ServiceId id) {
  for (Group& group : groups_) std::erase(group.taken_along, id);
}

std::vector<ServiceId> Engine::RestartsWith(ServiceId id) const {
  const GroupId group_id = At(id).spec.group;
  std::vector<ServiceId> services;
  switch (At(group_id).spec.strategy) {
    case Strategy::kOneForOne:
      return {};
    case Strategy::kOneForAll:
    case Strategy::kRestForOne:
      AppendServices(group_id, services);
      break;
    case Strategy::kDependents:
      services = LiveDependents(id);
      break;
  }
  const bool rest = At(group_id).spec.strategy == Strategy::kRestForOne;
  std::erase_if(services, [&](ServiceId other) {
    return other == id || (rest && other < id) || IsAtRest(At(other).state) ||
           IsClosed(At(other).spec.group);
  });
  std::sort(services.begin(), services.end());
  return services;
}

absl::Status Engine::RestartTogether(ServiceId id) {
  const GroupId group_id = At(id).spec.group;
  Group& group = At(group_id);
  if (group.spec.strategy == Strategy::kOneForOne) return absl::OkStatus();
  // While the last restart still brings services down, another death belongs
  // to it.
  const bool more = !group.batch.empty();
  if (!more && group.window.ChargeAndCheck(group.spec.restart, now_)) {
    return absl::UnavailableError(absl::StrCat(
        "the group ", group.spec.name, " could not be kept running: it ",
        LimitText(group.spec.restart), ", the last time because of ",
        At(id).spec.name, ": ", At(id).trouble));
  }
  JoinBatch(id, group_id);
  for (const ServiceId other : RestartsWith(id)) {
    JoinBatch(other, group_id);
    RestartWithGroup(other);
  }
  return absl::OkStatus();
}

void Engine::RestartWithGroup(ServiceId id) {
  const Service& service = At(id);
  const bool up = service.state == ServiceState::kSpawning ||
                  service.state == ServiceState::kStarting ||
                  service.state == ServiceState::kReady;
  if (!up || service.after != After::kJudge) return;
  StopInOrder(id, After::kRestart, Cause::kGroupRestarts);
}

void Engine::JoinBatch(ServiceId id, GroupId group_id) {
  Service& service = At(id);
  if (std::count(service.batches.begin(), service.batches.end(), group_id) > 0)
    return;
  Group& group = At(group_id);
  group.batch.push_back(id);
  service.batches.push_back(group_id);
  if (!IsRunning(service.state)) return;
  ++group.batch_left;
  service.awaited_by.push_back(group_id);
}

void Engine::ArriveInBatches(ServiceId id) {
  for (const GroupId group : std::exchange(At(id).awaited_by, {})) {
    if (--At(group).batch_left == 0) EndBatch(group);
  }
}

void Engine::EndBatch(GroupId id) {
  for (const ServiceId member : std::exchange(At(id).batch, {})) {
    std::erase(At(member).batches, id);
    CheckSoon(member);
  }
}

}  // namespace espalier
