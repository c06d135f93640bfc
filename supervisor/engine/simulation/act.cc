#include "supervisor/engine/simulation/act.h"

namespace espalier::simulation {

std::string_view ActName(ActKind kind) {
  switch (kind) {
    case ActKind::kCrash:
      return "crash";
    case ActKind::kCleanExit:
      return "clean exit";
    case ActKind::kPermanentExit:
      return "permanent exit";
    case ActKind::kOomKill:
      return "out of memory";
    case ActKind::kManyDie:
      return "many die";
    case ActKind::kProbesFail:
      return "probes fail";
    case ActKind::kStaleNews:
      return "stale news";
    case ActKind::kDuplicateNews:
      return "duplicate news";
    case ActKind::kPressure:
      return "pressure";
    case ActKind::kCrashAtStart:
      return "crash at start";
    case ActKind::kExitBeforeSpawned:
      return "exit before spawned";
    case ActKind::kSpawnFails:
      return "spawn fails";
    case ActKind::kSpawnImpossible:
      return "spawn impossible";
    case ActKind::kSpawnHangs:
      return "spawn hangs";
    case ActKind::kNeverReady:
      return "never ready";
    case ActKind::kIgnoresStop:
      return "ignores stop";
    case ActKind::kSurvivesKill:
      return "survives kill";
    case ActKind::kTreeLingers:
      return "tree lingers";
    case ActKind::kTreeFirst:
      return "tree first";
    case ActKind::kStart:
      return "start";
    case ActKind::kAwaitedStart:
      return "awaited start";
    case ActKind::kStop:
      return "stop";
    case ActKind::kRestart:
      return "restart";
    case ActKind::kReset:
      return "reset";
    case ActKind::kStopGroup:
      return "stop group";
    case ActKind::kFailGroup:
      return "fail group";
    case ActKind::kReplace:
      return "replace";
    case ActKind::kSetMaxStarting:
      return "set max starting";
  }
  return "?";
}

}  // namespace espalier::simulation
