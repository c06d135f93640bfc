#include "supervisor/engine/simulation/move_rule.h"

#include <sstream>

namespace espalier::simulation {
namespace {

using enum ServiceState;

bool IsOrderedStop(Cause cause) {
  return cause == Cause::kStopRequested || cause == Cause::kDependencyStops ||
         cause == Cause::kGroupStops;
}

bool IsStop(Cause cause) {
  return IsOrderedStop(cause) || cause == Cause::kKillRequested ||
         cause == Cause::kKeeperLost;
}

bool IsStart(Cause cause) {
  return cause == Cause::kStartRequested || cause == Cause::kRestartRequested;
}

bool IsStopOrRestart(Cause cause) {
  return IsOrderedStop(cause) || cause == Cause::kRestartRequested ||
         cause == Cause::kGroupRestarts;
}

bool IsEnd(Cause cause) {
  return cause == Cause::kExited || cause == Cause::kKeeperLost;
}

bool LeavesPause(ServiceState to, Cause cause) {
  switch (to) {
    case kWaiting:
      return cause == Cause::kBackoffOver || cause == Cause::kRestartRequested;
    case kInactive:
      return IsStop(cause);
    default:
      return to == kFailed && cause == Cause::kStartTimeout;
  }
}

bool LeavesWaiting(ServiceState to, Cause cause, bool external) {
  switch (to) {
    case kSpawning:
      return cause == Cause::kNeedsMet && !external;
    case kStarting:
      return cause == Cause::kNeedsMet && external;
    case kBlocked:
      return cause == Cause::kNeedFailed;
    default:
      return to == kInactive && IsStop(cause);
  }
}

bool LeavesSpawning(ServiceState to, Cause cause) {
  switch (to) {
    case kStarting:
      return cause == Cause::kSpawned;
    case kFailed:
    case kBackoff:
      return cause == Cause::kSpawnFailed;
    case kStopping:
      return IsStopOrRestart(cause) || cause == Cause::kStartTimeout;
    case kKilling:
      return cause == Cause::kKillRequested;
    default:
      return to == kDraining && IsEnd(cause);
  }
}

bool LeavesUp(ServiceState from, ServiceState to, Cause cause, bool external) {
  switch (to) {
    case kReady:
      return from == kStarting && cause == Cause::kReady;
    case kStopping:
      return IsStopOrRestart(cause) ||
             (external && cause == Cause::kKillRequested) ||
             cause ==
                 (from == kReady ? Cause::kLivenessLost : Cause::kStartTimeout);
    case kKilling:
      return cause == Cause::kKillRequested && !external;
    default:
      return to == kDraining && IsEnd(cause);
  }
}

bool LeavesDying(ServiceState from, ServiceState to, Cause cause) {
  if (to == kDraining) return IsEnd(cause);
  if (from == kStopping) {
    return to == kKilling &&
           (cause == Cause::kGraceOver || cause == Cause::kKillRequested);
  }
  return from == kKilling && to == kStuck && cause == Cause::kUnkillable;
}

bool LeavesDraining(ServiceState to, Cause cause) {
  if (to == kStuck) return cause == Cause::kUnkillable;
  return cause == Cause::kDrained &&
         (to == kBackoff || to == kDone || to == kFailed || to == kInactive);
}

// The table at the top of engine.h.
bool IsAllowed(ServiceState from, ServiceState to, Cause cause, bool external) {
  switch (from) {
    case kInactive:
      return to == kWaiting && IsStart(cause);
    case kWaiting:
      return LeavesWaiting(to, cause, external);
    case kBlocked:
      return (to == kWaiting && cause == Cause::kNeedHealed) ||
             (to == kInactive && IsStop(cause));
    case kSpawning:
      return LeavesSpawning(to, cause);
    case kStarting:
    case kReady:
      return LeavesUp(from, to, cause, external);
    case kStopping:
    case kKilling:
    case kStuck:
      return LeavesDying(from, to, cause);
    case kDraining:
      return LeavesDraining(to, cause);
    case kBackoff:
      return LeavesPause(to, cause);
    case kDone:
    case kFailed:
      return (to == kWaiting && IsStart(cause)) ||
             (to == kInactive && cause == Cause::kResetRequested);
  }
  return false;
}

bool HasDeadline(ServiceState state) {
  return IsRunning(state) ? state != kReady : state == kBackoff;
}

}  // namespace

void MoveRule::See(const Action& action) {
  const Changed* change = std::get_if<Changed>(&action);
  if (change == nullptr) return;
  std::ostringstream told;
  told << change->from << " -> " << change->to << " (" << change->cause << ")";
  if (change->revision != ++revision_) {
    Fail(change->id, "a revision is missing before " + told.str());
  }
  if (change->from != view_.State(change->id)) {
    Fail(change->id, "was somewhere else before " + told.str());
  }
  if (!IsAllowed(change->from, change->to, change->cause,
                 view_.Spec(change->id).external)) {
    Fail(change->id, "no such move: " + told.str());
  }
}

void MoveRule::After() {
  const Engine& engine = view_.engine;
  if (engine.revision() != revision_) Fail("the latest revision is not told");
  if (engine.NextTimer() <= view_.now) Fail("a timer that is due was left");
  for (size_t i = 0; i < view_.size(); ++i) {
    const ServiceId id = View::Id(i);
    const ServiceState state = engine.State(id);
    if (state != view_.State(id)) Fail(id, "moved and did not tell");
    const bool timer = engine.Deadline(id) != absl::InfiniteFuture();
    if (timer && !HasDeadline(state) && state != kReady) {
      Fail(id, "has a timer for nothing");
    }
    const bool may_be_infinite = state == kSpawning || state == kStarting;
    if (!timer && HasDeadline(state) &&
        !(may_be_infinite &&
          view_.Spec(id).start_timeout == absl::InfiniteDuration())) {
      Fail(id, "has no timer");
    }
  }
}

}  // namespace espalier::simulation
