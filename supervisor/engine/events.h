// What the engine is told: requests, and news from the keeper and the probes.
#ifndef SUPERVISOR_ENGINE_EVENTS_H_
#define SUPERVISOR_ENGINE_EVENTS_H_

#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "supervisor/engine/exit_result.h"
#include "supervisor/engine/ids.h"

namespace espalier {

// --- Requests. Every one is accepted in every state, and the last one wins.

// Start the service, and those it needs that are stopped or stopping. DONE and
// FAILED are left, with a clean record; a service that is starting or ready
// stays so. Ignored while a group is being stopped that it belongs to, or that
// something belongs to which it needs and which is down.
struct StartRequested {
  ServiceId id;
  // Somebody waits for this start and takes its failure: until the service has
  // been ready (or done) once, giving it up is not escalated to its group.
  bool awaited = false;
};

// Stop the service. Everything active that needs it (see
// Engine::LiveDependents) is stopped first.
struct StopRequested {
  ServiceId id;
  // Whoever started it with this group, in which it is, stops it, and may run
  // the group again: Engine::TakenAlong tells who outside is stopped with it.
  std::optional<GroupId> with_group = std::nullopt;
};

// Stop the service if it runs, and start it again; those that need it stay up.
// Not counted as a failure. A service that does not run is started, as by
// StartRequested; a pause before the next run is cut short.
struct RestartRequested {
  ServiceId id;
};

// Forget the failures counted so far. DONE and FAILED become INACTIVE.
struct ResetRequested {
  ServiceId id;
};

// Stop everything in the group and in the groups below it, in reverse order of
// needs, independent ones at the same time. Answered by GroupStopped. Until
// then no service of the group can be started.
struct StopGroupRequested {
  GroupId group;
};

// Whoever awaits the group could not make good its failure: it becomes the
// failure of the group around it. Ignored for the root group, and while that
// group is being stopped.
struct GroupFailed {
  GroupId group;
  ServiceId culprit;
  absl::Status error;  // Not OK.
};

// Stop the whole environment, as StopGroupRequested for the root group; nothing
// can be started any more.
struct StopAll {};

// Kill the whole environment at once, without order and without grace (a second
// Ctrl-C). Nothing can be started any more.
struct KillAll {};

// --- News. All of it carries the generation; news of a generation that is not
// the current one is dropped.

// The program of this run has been executed; or another process of it is the
// main process now.
struct Spawned {
  ServiceId id;
  Generation generation;
  int pid;
};

// The program could not be executed, and nothing is left of the attempt.
struct SpawnFailed {
  ServiceId id;
  Generation generation;
  int error;          // An errno; 0 if `stage` says it all, and for good.
  std::string stage;  // What was being done, for a person: "execute /bin/x".
  // Worth another try, whatever the error: what failed has nothing to do with
  // the program.
  bool passing = false;
};

// Whoever watches the readiness says that it is ready. Never sent for a
// one-shot.
struct BecameReady {
  ServiceId id;
  Generation generation;
};

// A probe of a service that starts or is ready failed. Until it is ready this
// is only remembered, for the error message should the start time out; then
// ServiceSpec::liveness_failures in a row mean that it does not live any more.
struct ProbeFailed {
  ServiceId id;
  Generation generation;
  std::string complaint;  // "nothing listens on port 4711"
};

// A probe of a service that is ready succeeded again: it lives.
struct ProbePassed {
  ServiceId id;
  Generation generation;
};

// The main process has ended. May come before the answer to Spawn.
struct Exited {
  ServiceId id;
  Generation generation;
  ExitResult result;
};

// Nothing is left of this run: no process of its tree, and its log is complete
// (whoever reports this waits for the log 500 ms at most). Comes once for every
// run that was spawned, before or after Exited.
struct Drained {
  ServiceId id;
  Generation generation;
};

// The keeper is gone, and with it every process.
struct KeeperLost {};

// From now on at most so many services are in SPAWNING and STARTING at a time;
// at least 1.
struct MaxStartingChanged {
  int max_starting;
};

// How short the machine is of processor, memory or disk: the greatest share of
// the last seconds, from 0 to 1, in which something had to wait for one of them
// ("some avg10" in /proc/pressure, divided by 100).
struct PressureChanged {
  double stalled;
};

// Nothing but time has passed. Send one when Engine::NextTimer() is due.
struct Tick {};

using Event =
    std::variant<StartRequested, StopRequested, RestartRequested,
                 ResetRequested, StopGroupRequested, GroupFailed, StopAll,
                 KillAll, Spawned, SpawnFailed, BecameReady, ProbeFailed,
                 ProbePassed, Exited, Drained, KeeperLost, MaxStartingChanged,
                 PressureChanged, Tick>;

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_EVENTS_H_
