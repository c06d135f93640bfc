#include "supervisor/engine/simulation/order_rule.h"

namespace espalier::simulation {
namespace {

using enum ServiceState;

bool GoesDown(ServiceState state) {
  return state == kStopping || state == kKilling || state == kDraining;
}

}  // namespace

void OrderRule::Before(const Event& event) {
  if (!std::holds_alternative<KeeperLost>(event)) return;
  batches_.clear();
  batch_.assign(batch_.size(), 0);
}

void OrderRule::See(const Action& action) {
  if (const auto* order = std::get_if<Stop>(&action)) SeeStop(order->id);
  const Changed* change = std::get_if<Changed>(&action);
  if (change == nullptr) return;
  const ServiceId id = change->id;
  if (change->from == kInactive || change->from == kDone ||
      change->from == kFailed) {
    fresh_[Index(id)] = true;
  }
  if (change->to == kSpawning ||
      (change->to == kStarting && change->from == kWaiting)) {
    SeeStart(id);
  }
  causes_[Index(id)] = change->cause;
  if (!IsRunning(change->to)) {
    for (Batch& batch : batches_) std::erase(batch.going_down, id);
  }
  if (change->from == kDraining && change->to == kBackoff &&
      !change->detail.empty()) {
    SeeFailure(id);
  }
}

void OrderRule::SeeStart(ServiceId id) {
  for (const ServiceId need : view_.Spec(id).needs) {
    if (Satisfies(view_.State(need))) continue;
    Fail(id, "is started before " + view_.Spec(need).name + ", which it needs");
  }
  if (fresh_[Index(id)]) {
    for (const ServiceId need : view_.Spec(id).start_needs) {
      if (Satisfies(view_.State(need))) continue;
      Fail(id, "is started before " + view_.Spec(need).name +
                   ", which its start needs");
    }
  }
  fresh_[Index(id)] = false;
  const size_t batch = batch_[Index(id)];
  if (batch != 0 && !batches_[batch - 1].going_down.empty()) {
    Fail(id, "is started while others that restart with it are not down: " +
                 view_.Spec(batches_[batch - 1].going_down[0]).name);
  }
  Leave(id);
}

void OrderRule::SeeStop(ServiceId id) {
  const Cause cause = causes_[Index(id)];
  const bool ordered = cause == Cause::kStopRequested ||
                       cause == Cause::kGroupStops ||
                       cause == Cause::kDependencyStops;
  if (!ordered && cause != Cause::kRestartRequested &&
      cause != Cause::kGroupRestarts) {
    return;
  }
  for (const ServiceId dependent : view_.dependents[Index(id)]) {
    const ServiceState state = view_.State(dependent);
    if (!(ordered ? IsRunning(state) : GoesDown(state))) continue;
    Fail(id, "is stopped before " + view_.Spec(dependent).name +
                 ", which needs it");
  }
}

// --- What restarts together

std::vector<bool> OrderRule::Above(ServiceId id) const {
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

std::vector<ServiceId> OrderRule::RestartWith(ServiceId id) const {
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

void OrderRule::SeeFailure(ServiceId id) {
  const GroupId group = view_.Spec(id).group;
  if (view_.engine.Spec(group).strategy == Strategy::kOneForOne) return;
  size_t batch = batch_[Index(id)];
  if (batch == 0 || batches_[batch - 1].group != group ||
      batches_[batch - 1].going_down.empty()) {
    batch = 0;
    for (size_t i = 0; i < batches_.size(); ++i) {
      if (batches_[i].group == group && !batches_[i].going_down.empty()) {
        batch = i + 1;
      }
    }
    if (batch == 0) {
      batches_.push_back({.group = group});
      batch = batches_.size();
    }
  }
  Join(id, batch);
  for (const ServiceId other : RestartWith(id)) Join(other, batch);
  std::erase(batches_[batch - 1].going_down, id);
}

void OrderRule::Join(ServiceId id, size_t batch) {
  if (batch_[Index(id)] == batch) return;
  Leave(id);
  batch_[Index(id)] = batch;
  if (IsRunning(view_.State(id))) batches_[batch - 1].going_down.push_back(id);
}

void OrderRule::Leave(ServiceId id) {
  const size_t batch = batch_[Index(id)];
  if (batch == 0) return;
  std::erase(batches_[batch - 1].going_down, id);
  batch_[Index(id)] = 0;
}

void OrderRule::After() {
  for (size_t i = 0; i < view_.size(); ++i) {
    const ServiceId id = View::Id(i);
    if (view_.states[i] != kWaiting) continue;
    for (const ServiceId need : view_.Spec(id).needs) {
      if (view_.State(need) != kInactive ||
          view_.engine.LastCause(need) == Cause::kResetRequested) {
        continue;
      }
      Fail(id, "waits for " + view_.Spec(need).name + ", which is not to come");
    }
  }
  // A batch that is down is over: its members are free again.
  for (size_t batch = 1; batch <= batches_.size(); ++batch) {
    if (!batches_[batch - 1].going_down.empty()) continue;
    for (size_t& member : batch_) {
      if (member == batch) member = 0;
    }
  }
  while (!batches_.empty() && batches_.back().going_down.empty()) {
    batches_.pop_back();
  }
}

}  // namespace espalier::simulation
