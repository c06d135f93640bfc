#include "supervisor/engine/simulation/goal_rule.h"

#include <algorithm>

#include "supervisor/engine/simulation/intent.h"

namespace espalier::simulation {

using enum ServiceState;

void GoalRule::See(const Action& action) {
  const Changed* change = std::get_if<Changed>(&action);
  if (change == nullptr || change->to != kWaiting) return;
  if (!view_.intent->IsWanted(change->id)) {
    Fail(change->id, "is started although nobody wants it");
  }
}

void GoalRule::After() {
  for (size_t i = 0; i < view_.size(); ++i) {
    const ServiceId id = View::Id(i);
    if (view_.intent->IsWanted(id) || IsAtRest(view_.State(id))) {
      unwanted_since_[i] = absl::InfiniteFuture();
      continue;
    }
    unwanted_since_[i] = std::min(unwanted_since_[i], view_.now);
    if (view_.now - unwanted_since_[i] > view_.longest_stop) {
      Fail(id, "its stop takes longer than it can");
    }
  }
}

void GoalRule::AtRest() {
  for (size_t i = 0; i < view_.size(); ++i) LookAtRest(View::Id(i));
}

void GoalRule::LookAtRest(ServiceId id) {
  const ServiceState state = view_.State(id);
  if (!view_.intent->IsWanted(id)) {
    if (!IsAtRest(state) || state == kStuck) Fail(id, "was not stopped");
    return;
  }
  if (Satisfies(state) || state == kFailed) {
    if (view_.intent->IsFresh(id)) Fail(id, "was started, and never ran");
    return;
  }
  const auto blocks = [&](ServiceId need) {
    // INACTIVE after it had failed: a reset alone does not heal.
    const ServiceState of = view_.State(need);
    return of == kFailed || of == kBlocked || of == kWaiting || of == kInactive;
  };
  const ServiceSpec& spec = view_.Spec(id);
  const bool blocked =
      std::any_of(spec.needs.begin(), spec.needs.end(), blocks) ||
      (view_.intent->IsFresh(id) &&
       std::any_of(spec.start_needs.begin(), spec.start_needs.end(), blocks));
  if ((state == kBlocked || state == kWaiting) && blocked) return;
  Fail(id, "did not come to what was asked for: " +
               view_.engine.Explain(id, view_.now));
}

}  // namespace espalier::simulation
