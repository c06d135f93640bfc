#include "supervisor/engine/simulation/limit_rule.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "supervisor/engine/simulation/intent.h"

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
  if (const auto* reset = std::get_if<ResetRequested>(&event)) {
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
  if (change->from == kDraining && change->to == kBackoff &&
      !change->detail.empty()) {
    SeeFailure(change->id);
  }
  if (change->to == kFailed) SeeGivenUp(*change);
  if (change->cause == Cause::kLivenessLost ||
      change->cause == Cause::kStartTimeout) {
    SeeSlow(*change);
  }
}

void LimitRule::SeeGivenUp(const Changed& change) {
  if (!absl::StrContains(change.detail, view_.Spec(change.id).name +
                                            " could not be kept running")) {
    return;
  }
  Charge(change.id);
  if (failures_[Index(change.id)].size() <
      static_cast<size_t>(view_.Spec(change.id).restart.max_runs)) {
    Fail(change.id, "is given up before it failed too often");
  }
}

void LimitRule::After() {
  for (size_t i = 0; i < view_.size(); ++i) {
    if (view_.intent->HasNewRecord(View::Id(i))) failures_[i].clear();
  }
}

void LimitRule::SeeFailure(ServiceId id) {
  Charge(id);
  if (failures_[Index(id)].size() >=
      static_cast<size_t>(view_.Spec(id).restart.max_runs)) {
    Fail(id, "runs again although it failed too often");
  }
}

void LimitRule::Charge(ServiceId id) {
  std::deque<absl::Time>& failures = failures_[Index(id)];
  failures.push_back(view_.now);
  const absl::Duration window = view_.Spec(id).restart.window;
  while (failures.front() <= view_.now - window) failures.pop_front();
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
