#include "supervisor/engine/simulation/goal_rule.h"

#include <algorithm>

namespace espalier::simulation {
namespace {

using enum ServiceState;

bool IsOver(ServiceState state) { return state == kDone || state == kFailed; }

}  // namespace

void GoalRule::Before(const Event& event) {
  if (const auto* start = std::get_if<StartRequested>(&event)) {
    Start(start->id);
  } else if (const auto* restart = std::get_if<RestartRequested>(&event)) {
    Start(restart->id);
  } else if (const auto* stop = std::get_if<StopRequested>(&event)) {
    Stop(stop->id);
  } else if (const auto* stop = std::get_if<StopGroupRequested>(&event)) {
    StopGroup(stop->group);
  } else if (std::holds_alternative<StopAll>(event) ||
             std::holds_alternative<KillAll>(event) ||
             std::holds_alternative<KeeperLost>(event)) {
    StopGroup(kRootGroup);
  }
}

// With what it needs and is not wanted; or nothing, if one of these is in a
// group that is closed.
void GoalRule::Start(ServiceId id) {
  std::vector<ServiceId> all = {id};
  for (size_t i = 0; i < all.size(); ++i) {
    if (view_.engine.IsClosed(view_.Spec(all[i]).group)) return;
    const ServiceSpec& spec = view_.Spec(all[i]);
    for (const auto* needs : {&spec.needs, &spec.start_needs}) {
      for (const ServiceId need : *needs) {
        if (wanted_[Index(need)] || IsOver(view_.State(need))) continue;
        if (std::count(all.begin(), all.end(), need) == 0) all.push_back(need);
      }
    }
  }
  for (const ServiceId one : all) {
    if (!wanted_[Index(one)] || IsOver(view_.State(one))) {
      const ServiceState state = view_.State(one);
      fresh_[Index(one)] = true;
      // Its stop may be taken back, or it may have to go down all the same;
      // which of the two cannot be seen.
      unsure_[Index(one)] =
          state == kSpawning || state == kStarting || state == kReady;
    }
    wanted_[Index(one)] = true;
    unwanted_since_[Index(one)] = absl::InfiniteFuture();
  }
}

bool GoalRule::StopOne(ServiceId id) {
  if (!wanted_[Index(id)] || IsOver(view_.State(id))) return false;
  wanted_[Index(id)] = false;
  unwanted_since_[Index(id)] = view_.now;
  return true;
}

void GoalRule::Stop(ServiceId id) {
  StopOne(id);
  std::vector<ServiceId> todo = {id};
  while (!todo.empty()) {
    const ServiceId next = todo.back();
    todo.pop_back();
    for (const ServiceId dependent : view_.dependents[Index(next)]) {
      if (StopOne(dependent)) todo.push_back(dependent);
    }
    for (const ServiceId dependent : view_.start_dependents[Index(next)]) {
      if (!fresh_[Index(dependent)]) continue;
      if (unsure_[Index(dependent)]) {
        SpareFromNowOn(dependent);
      } else if (StopOne(dependent)) {
        todo.push_back(dependent);
      }
    }
  }
}

// It may have been stopped or not, and so may all that needs it.
void GoalRule::SpareFromNowOn(ServiceId id) {
  std::vector<ServiceId> todo = {id};
  while (!todo.empty()) {
    const ServiceId next = todo.back();
    todo.pop_back();
    if (spared_[Index(next)]) continue;
    spared_[Index(next)] = true;
    for (const auto* above : {&view_.dependents[Index(next)],
                              &view_.start_dependents[Index(next)]}) {
      todo.insert(todo.end(), above->begin(), above->end());
    }
  }
}

void GoalRule::StopGroup(GroupId group) {
  for (size_t i = view_.size(); i-- > 0;) {
    if (view_.Contains(group, view_.Spec(View::Id(i)).group)) {
      Stop(View::Id(i));
    }
  }
}

void GoalRule::See(const Action& action) {
  if (const auto* change = std::get_if<Changed>(&action)) {
    if (change->to == kSpawning || change->to == kStarting) {
      fresh_[Index(change->id)] = false;
    }
    if (change->to == kWaiting && !wanted_[Index(change->id)] &&
        !spared_[Index(change->id)]) {
      Fail(change->id, "is started although nobody wants it");
    }
    if (IsAtRest(change->to)) {
      unwanted_since_[Index(change->id)] = absl::InfiniteFuture();
    }
    if (change->to == kInactive) wanted_[Index(change->id)] = false;
  } else if (const auto* news = std::get_if<GaveUp>(&action)) {
    StopGroup(news->group);
  }
}

void GoalRule::After() {
  for (size_t i = 0; i < view_.size(); ++i) {
    if (view_.now - unwanted_since_[i] > view_.longest_stop && !spared_[i]) {
      Fail(View::Id(i), "its stop takes longer than it can");
    }
  }
}

void GoalRule::AtRest() {
  for (size_t i = 0; i < view_.size(); ++i) LookAtRest(View::Id(i));
}

void GoalRule::LookAtRest(ServiceId id) {
  const ServiceState state = view_.State(id);
  if (spared_[Index(id)]) return;
  if (!wanted_[Index(id)]) {
    if (state != kInactive && !IsOver(state)) Fail(id, "was not stopped");
    return;
  }
  if (Satisfies(state) || state == kFailed) return;
  const std::vector<ServiceId>& needs = view_.Spec(id).needs;
  const std::vector<ServiceId>& start_needs = view_.Spec(id).start_needs;
  const auto blocks = [&](ServiceId need) {
    // INACTIVE after it had failed: a reset alone does not heal.
    const ServiceState of = view_.State(need);
    return of == kFailed || of == kBlocked || of == kWaiting || of == kInactive;
  };
  const bool blocked =
      std::any_of(needs.begin(), needs.end(), blocks) ||
      std::any_of(start_needs.begin(), start_needs.end(), blocks);
  if ((state == kBlocked || state == kWaiting) && blocked) return;
  Fail(id, "did not come to what was asked for: " +
               view_.engine.Explain(id, view_.now));
}

}  // namespace espalier::simulation
