// What the engine wants done, and what it tells observers.
#ifndef SUPERVISOR_ENGINE_ACTIONS_H_
#define SUPERVISOR_ENGINE_ACTIONS_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "supervisor/engine/ids.h"
#include "supervisor/engine/service_state.h"

namespace espalier {

// Why a service moved from one state to another.
enum class Cause {
  kStartRequested,
  kStopRequested,
  kRestartRequested,
  kResetRequested,
  kDependencyStops,  // Something that it needs is to be stopped.
  kGroupStops,       // Its group, or one around it, is being stopped.
  kGroupRestarts,    // Its group's strategy restarts it with another one.
  kKillRequested,
  kNeedsMet,    // All that it needs is ready or done.
  kNeedFailed,  // Something that it needs has failed for good.
  kNeedHealed,  // What it needs and had failed is ready again.
  kSpawned,
  kSpawnFailed,
  kReady,
  kExited,
  kLivenessLost,
  kStartTimeout,
  kGraceOver,
  kUnkillable,  // Still there 15 s after it was killed.
  kDrained,
  kBackoffOver,
  kKeeperLost,
};

// "start requested", "exited", …
std::string_view CauseName(Cause cause);
std::ostream& operator<<(std::ostream& out, Cause cause);

// --- Orders, carried out in the order given.

// Start the service's process. Answer with Spawned or SpawnFailed; after
// Spawned, with Exited and Drained when they happen.
struct Spawn {
  ServiceId id;
  Generation generation;
};

// Ask the tree to end: send `signal` to the main process, kill what is left
// after `grace` (the engine will also order it). May name a run whose Spawn has
// not been answered yet, or that has just ended; that is no error.
struct Stop {
  ServiceId id;
  Generation generation;
  int signal;
  absl::Duration grace;
};

// Kill what is left of the tree. The same holds as for Stop; it may come more
// than once.
struct Kill {
  ServiceId id;
  Generation generation;
};

// Begin to watch this run: report BecameReady once; after that, if its liveness
// is watched, every ProbeFailed and the first ProbePassed after one.
struct StartProbe {
  ServiceId id;
  Generation generation;
};

// Stop watching this run.
struct StopProbe {
  ServiceId id;
  Generation generation;
};

// --- News for observers.

// A service went from one state to another. All moves, in order, without gaps.
struct Changed {
  uint64_t revision;  // Counted from 1 over the whole engine.
  ServiceId id;
  Generation generation;
  ServiceState from;
  ServiceState to;
  Cause cause;
  std::string detail;  // More about the cause, for a person; often empty.
};

// A group gave up because a service in it could not be kept running; all of the
// group is being stopped. The innermost group comes first, the ones that fail
// with it follow.
struct GaveUp {
  GroupId group;
  ServiceId culprit;
  absl::Status error;
  // The error is that of a GroupFailed, which others have told of before.
  bool passed_on = false;
};

// Everything of the group has come to rest, after StopGroupRequested, StopAll,
// KillAll, KeeperLost or GaveUp. For the root group: the environment has ended.
struct GroupStopped {
  GroupId group;
  // OK after a clean stop; else why the group gave up, or which services could
  // not be killed (DeadlineExceeded).
  absl::Status status;
};

using Action = std::variant<Spawn, Stop, Kill, StartProbe, StopProbe, Changed,
                            GaveUp, GroupStopped>;

// For logs and test failures: "spawn 3 (generation 2)".
std::ostream& operator<<(std::ostream& out, const Action& action);

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_ACTIONS_H_
