#include "supervisor/engine/simulation/batch_rule.h"

#include "absl/strings/match.h"

namespace espalier::simulation {

using enum ServiceState;

void BatchRule::Before(const Event& event) {
  if (std::holds_alternative<KeeperLost>(event)) batches_.clear();
}

void BatchRule::See(const Action& action) {
  if (const auto* change = std::get_if<Changed>(&action)) {
    See(*change);
  } else if (const auto* news = std::get_if<GaveUp>(&action)) {
    if (absl::StrContains(news->error.message(), "the group ") &&
        view_.Spec(news->culprit).group == news->group) {
      Charge(news->group);
      if (charges_[news->group].size() <
          static_cast<size_t>(
              view_.engine.Spec(news->group).restart.max_runs)) {
        Fail(news->culprit, "its group gave up before its limit was reached");
      }
    }
    // What gave up begins anew with a clean record.
    charges_.erase(news->group);
  }
}

void BatchRule::See(const Changed& change) {
  if (change.from == kWaiting &&
      (change.to == kSpawning || change.to == kStarting)) {
    SeeStart(change.id);
  }
  if (!IsRunning(change.to)) {
    for (auto& [group, batch] : batches_) batch.going_down.erase(change.id);
  }
  if (change.from == kDraining && change.to == kBackoff &&
      !change.detail.empty()) {
    SeeFailure(change.id);
  }
}

void BatchRule::SeeStart(ServiceId id) {
  for (auto& [group, batch] : batches_) {
    if (batch.members.count(id) == 0 || batch.going_down.empty()) continue;
    Fail(id, "is started while others that restart with it are not down: " +
                 view_.Spec(*batch.going_down.begin()).name);
  }
}

bool BatchRule::IsDown(GroupId group) const {
  const auto batch = batches_.find(group);
  return batch == batches_.end() || batch->second.going_down.empty();
}

void BatchRule::SeeFailure(ServiceId id) {
  const GroupId group = view_.Spec(id).group;
  const GroupSpec& spec = view_.engine.Spec(group);
  if (spec.strategy == Strategy::kOneForOne) return;
  Batch& batch = batches_[group];
  // Its own way down, if it was part of the restart, is over only now.
  if (IsDown(group) && batch.members.count(id) == 0) {
    Charge(group);
    if (charges_[group].size() >= static_cast<size_t>(spec.restart.max_runs)) {
      Fail(id, "restarts with its group, which did so too often");
    }
  }
  Join(id, batch);
  for (const ServiceId other : RestartWith(id)) Join(other, batch);
  batch.going_down.erase(id);
}

void BatchRule::Charge(GroupId group) {
  std::deque<absl::Time>& charges = charges_[group];
  charges.push_back(view_.now);
  const absl::Duration window = view_.engine.Spec(group).restart.window;
  while (charges.front() <= view_.now - window) charges.pop_front();
}

void BatchRule::Join(ServiceId id, Batch& batch) {
  if (!batch.members.insert(id).second) return;
  if (IsRunning(view_.State(id))) batch.going_down.insert(id);
}

std::vector<bool> BatchRule::Above(ServiceId id) const {
  std::vector<bool> found(view_.size());
  std::vector<ServiceId> todo = {id};
  while (!todo.empty()) {
    const ServiceId next = todo.back();
    todo.pop_back();
    for (const ServiceId dependent : view_.dependents[Index(next)]) {
      if (found[Index(dependent)] || IsAtRest(view_.State(dependent))) continue;
      found[Index(dependent)] = true;
      todo.push_back(dependent);
    }
  }
  return found;
}

std::vector<ServiceId> BatchRule::RestartWith(ServiceId id) const {
  const GroupId group = view_.Spec(id).group;
  const Strategy strategy = view_.engine.Spec(group).strategy;
  const std::vector<bool> above = Above(id);
  std::vector<ServiceId> together;
  for (size_t i = 0; i < view_.size(); ++i) {
    const ServiceId other = View::Id(i);
    if (other == id || IsAtRest(view_.State(other))) continue;
    const bool inside = view_.Contains(group, view_.Spec(other).group);
    const bool with =
        (strategy == Strategy::kOneForAll && inside) ||
        (strategy == Strategy::kRestForOne && inside && other > id) ||
        (strategy == Strategy::kDependents && above[i]);
    if (with && !view_.engine.IsClosed(view_.Spec(other).group)) {
      together.push_back(other);
    }
  }
  return together;
}

void BatchRule::After() {
  std::erase_if(batches_, [](const auto& batch) {
    return batch.second.going_down.empty();
  });
}

}  // namespace espalier::simulation
