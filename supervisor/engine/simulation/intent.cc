#include "supervisor/engine/simulation/intent.h"

#include <algorithm>

namespace espalier::simulation {
namespace {

using enum ServiceState;

bool IsOver(ServiceState state) { return state == kDone || state == kFailed; }

bool IsUp(ServiceState state) {
  return state == kSpawning || state == kStarting || state == kReady;
}

}  // namespace

void Intent::Before(const Event& event) {
  std::fill(new_record_.begin(), new_record_.end(), false);
  undecided_.clear();
  stopped_.clear();
  if (const auto* start = std::get_if<StartRequested>(&event)) {
    Start(start->id);
  } else if (const auto* restart = std::get_if<RestartRequested>(&event)) {
    Restart(restart->id);
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
void Intent::Start(ServiceId id) {
  std::vector<ServiceId> all = {id};
  for (size_t i = 0; i < all.size(); ++i) {
    if (view_.engine.IsClosed(view_.Spec(all[i]).group)) return;
    const ServiceSpec& spec = view_.Spec(all[i]);
    for (const auto* needs : {&spec.needs, &spec.start_needs}) {
      for (const ServiceId need : *needs) {
        if (IsWanted(need) || IsOver(view_.State(need))) continue;
        if (std::count(all.begin(), all.end(), need) == 0) all.push_back(need);
      }
    }
  }
  for (const ServiceId one : all) StartOne(one);
}

void Intent::StartOne(ServiceId id) {
  const ServiceState state = view_.State(id);
  if (!IsWanted(id) && IsUp(state)) {
    undecided_.push_back(id);
  } else if (!IsWanted(id) || IsOver(state) || timed_out_[Index(id)]) {
    BeginAnew(id);
  }
  wanted_[Index(id)] = true;
}

void Intent::Restart(ServiceId id) {
  const bool was_wanted = IsWanted(id);
  Start(id);
  // What runs goes down in any case.
  if (IsWanted(id) && !was_wanted) BeginAnew(id);
  std::erase(undecided_, id);
}

void Intent::BeginAnew(ServiceId id) {
  fresh_[Index(id)] = true;
  new_record_[Index(id)] = true;
  timed_out_[Index(id)] = false;
}

bool Intent::StopOne(ServiceId id) {
  if (!IsWanted(id) || IsOver(view_.State(id))) return false;
  wanted_[Index(id)] = false;
  timed_out_[Index(id)] = false;
  stopped_.push_back(id);
  return true;
}

void Intent::Stop(ServiceId id) {
  StopOne(id);
  std::vector<ServiceId> todo = {id};
  while (!todo.empty()) {
    const ServiceId next = todo.back();
    todo.pop_back();
    for (const ServiceId dependent : view_.dependents[Index(next)]) {
      if (StopOne(dependent)) todo.push_back(dependent);
    }
    // The start of these would wait for ever.
    for (const ServiceId dependent : view_.start_dependents[Index(next)]) {
      if (IsFresh(dependent) && StopOne(dependent)) todo.push_back(dependent);
    }
  }
}

void Intent::StopGroup(GroupId group) {
  for (size_t i = view_.size(); i-- > 0;) {
    if (view_.Contains(group, view_.Spec(View::Id(i)).group)) {
      Stop(View::Id(i));
    }
  }
}

void Intent::See(const Action& action) {
  if (const auto* change = std::get_if<Changed>(&action)) {
    See(*change);
  } else if (const auto* news = std::get_if<GaveUp>(&action)) {
    StopGroup(news->group);
  }
}

void Intent::See(const Changed& change) {
  const size_t i = Index(change.id);
  if (change.to == kSpawning || change.to == kStarting) fresh_[i] = false;
  if (change.to == kStopping && change.cause == Cause::kStartTimeout) {
    timed_out_[i] = wanted_[i] && !stop_pending_[i];
  }
  if (change.to == kFailed) timed_out_[i] = false;
  if (change.to == kInactive) wanted_[i] = false;
}

void Intent::After() {
  for (const ServiceId id : undecided_) {
    if (!IsUp(view_.State(id)) || view_.engine.IsStopPending(id)) {
      BeginAnew(id);
    } else {
      fresh_[Index(id)] = false;
    }
  }
  for (size_t i = 0; i < view_.size(); ++i) {
    stop_pending_[i] = view_.engine.IsStopPending(View::Id(i));
  }
}

}  // namespace espalier::simulation
