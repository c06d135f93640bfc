#include "supervisor/engine/simulation/order_rule.h"

#include "supervisor/engine/simulation/intent.h"

namespace espalier::simulation {
namespace {

using enum ServiceState;

bool GoesDown(ServiceState state) {
  return state == kStopping || state == kKilling || state == kDraining;
}

}  // namespace

void OrderRule::See(const Action& action) {
  if (const auto* order = std::get_if<Stop>(&action)) SeeStop(order->id);
  const Changed* change = std::get_if<Changed>(&action);
  if (change == nullptr) return;
  if (change->from == kWaiting &&
      (change->to == kSpawning || change->to == kStarting)) {
    SeeStart(change->id);
  }
  causes_[Index(change->id)] = change->cause;
}

void OrderRule::SeeStart(ServiceId id) {
  const ServiceSpec& spec = view_.Spec(id);
  for (const ServiceId need : spec.needs) {
    if (Satisfies(view_.State(need))) continue;
    Fail(id, "is started before " + view_.Spec(need).name + ", which it needs");
  }
  if (!view_.intent->IsFresh(id)) return;
  for (const ServiceId need : spec.start_needs) {
    if (Satisfies(view_.State(need))) continue;
    Fail(id, "is started before " + view_.Spec(need).name +
                 ", which its start needs");
  }
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
}

}  // namespace espalier::simulation
