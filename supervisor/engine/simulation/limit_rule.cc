#include "supervisor/engine/simulation/limit_rule.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace espalier::simulation {
namespace {

using enum ServiceState;

bool Starts(ServiceState state) {
  return state == kSpawning || state == kStarting;
}

}  // namespace

int LimitRule::Cap() const {
  return pressed_ ? std::min(max_starting_, kMaxStartingUnderPressure)
                  : max_starting_;
}

void LimitRule::Before(const Event& event) {
  if (const auto* start = std::get_if<StartRequested>(&event)) {
    // A start that meets a stop begins a new record; whether this one does, or
    // which of its needs, cannot be seen.
    for (size_t i = 0; i <= Index(start->id); ++i) {
      const ServiceState state = view_.states[i];
      if (IsRunning(state) || state == kStuck) failures_[i].clear();
    }
  } else if (const auto* start = std::get_if<RestartRequested>(&event)) {
    for (size_t i = 0; i <= Index(start->id); ++i) {
      const ServiceState state = view_.states[i];
      if (IsRunning(state) || state == kStuck) failures_[i].clear();
    }
  } else if (const auto* reset = std::get_if<ResetRequested>(&event)) {
    failures_[Index(reset->id)].clear();
  } else if (const auto* cap = std::get_if<MaxStartingChanged>(&event)) {
    max_starting_ = cap->max_starting;
  } else if (const auto* news = std::get_if<PressureChanged>(&event)) {
    pressed_ = news->stalled >= (pressed_ ? kLowPressure : kHighPressure);
  }
}

void LimitRule::See(const Action& action) {
  const Changed* change = std::get_if<Changed>(&action);
  if (change == nullptr) return;
  const int before = starting_;
  starting_ += Starts(change->to) - Starts(change->from);
  if (starting_ > before && starting_ > Cap()) {
    Fail(change->id, "is started although as many start as may");
  }
  if (change->from == kInactive || change->from == kDone ||
      change->from == kFailed) {
    failures_[Index(change->id)].clear();
  }
  if (change->from == kDraining && change->to == kBackoff &&
      !change->detail.empty()) {
    SeeFailure(change->id);
  }
  if (change->cause == Cause::kLivenessLost ||
      change->cause == Cause::kStartTimeout) {
    SeeSlow(*change);
  }
}

void LimitRule::SeeFailure(ServiceId id) {
  std::deque<absl::Time>& failures = failures_[Index(id)];
  const RestartRule& rule = view_.Spec(id).restart;
  failures.push_back(view_.now);
  while (failures.front() <= view_.now - rule.window) failures.pop_front();
  if (static_cast<int>(failures.size()) >= rule.max_runs) {
    Fail(id, "runs again although it failed too often");
  }
}

void LimitRule::SeeSlow(const Changed& change) {
  // One that is in BACKOFF has nothing to be spared.
  if (change.to != kStopping || !pressed_) return;
  if (view_.now < last_slow_ + kPauseUnderPressure) {
    Fail(change.id, "is stopped for being slow right after another one");
  }
  last_slow_ = view_.now;
}

}  // namespace espalier::simulation
