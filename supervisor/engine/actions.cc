#include "supervisor/engine/actions.h"

namespace espalier {
namespace {

uint32_t Number(ServiceId id) { return static_cast<uint32_t>(id); }
uint32_t Number(GroupId id) { return static_cast<uint32_t>(id); }

// Prints one action; an overload for each.
struct Printer {
  std::ostream& out;

  template <typename A>
  void Order(const char* verb, const A& action) {
    out << verb << " " << Number(action.id) << " (generation "
        << action.generation << ")";
  }
  void operator()(const Spawn& action) { Order("spawn", action); }
  void operator()(const Kill& action) { Order("kill", action); }
  void operator()(const StartProbe& action) { Order("start probe of", action); }
  void operator()(const StopProbe& action) { Order("stop probe of", action); }
  void operator()(const Stop& action) {
    Order("stop", action);
    out << " with signal " << action.signal << ", grace " << action.grace;
  }
  void operator()(const Changed& action) {
    out << "#" << action.revision << " " << Number(action.id) << " (generation "
        << action.generation << "): " << action.from << " -> " << action.to
        << ", " << action.cause;
    if (!action.detail.empty()) out << ": " << action.detail;
  }
  void operator()(const GaveUp& action) {
    out << "group " << Number(action.group) << " gave up because of "
        << Number(action.culprit) << ": " << action.error;
  }
  void operator()(const GroupStopped& action) {
    out << "group " << Number(action.group) << " stopped: " << action.status;
  }
};

}  // namespace

std::string_view CauseName(Cause cause) {
  switch (cause) {
    case Cause::kStartRequested:
      return "start requested";
    case Cause::kStopRequested:
      return "stop requested";
    case Cause::kRestartRequested:
      return "restart requested";
    case Cause::kResetRequested:
      return "reset requested";
    case Cause::kDependencyStops:
      return "something it needs is to be stopped";
    case Cause::kGroupStops:
      return "its group stops";
    case Cause::kGroupRestarts:
      return "its group restarts";
    case Cause::kKillRequested:
      return "kill requested";
    case Cause::kNeedsMet:
      return "all it needs is ready";
    case Cause::kNeedFailed:
      return "something it needs has failed";
    case Cause::kNeedHealed:
      return "what it needs is ready again";
    case Cause::kSpawned:
      return "spawned";
    case Cause::kSpawnFailed:
      return "spawn failed";
    case Cause::kReady:
      return "ready";
    case Cause::kExited:
      return "exited";
    case Cause::kLivenessLost:
      return "liveness lost";
    case Cause::kStartTimeout:
      return "start timed out";
    case Cause::kGraceOver:
      return "grace time over";
    case Cause::kUnkillable:
      return "could not be killed";
    case Cause::kDrained:
      return "drained";
    case Cause::kBackoffOver:
      return "pause over";
    case Cause::kKeeperLost:
      return "keeper lost";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, Cause cause) {
  return out << CauseName(cause);
}

std::ostream& operator<<(std::ostream& out, const Action& action) {
  std::visit(Printer{out}, action);
  return out;
}

}  // namespace espalier
