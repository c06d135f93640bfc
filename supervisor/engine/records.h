// What the engine remembers; nobody else needs it.
#ifndef SUPERVISOR_ENGINE_RECORDS_H_
#define SUPERVISOR_ENGINE_RECORDS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/exit_result.h"
#include "supervisor/engine/ids.h"
#include "supervisor/engine/restart_window.h"
#include "supervisor/engine/service_state.h"
#include "supervisor/engine/specs.h"

namespace espalier {

// What happens when nothing is left of the current run.
enum class AfterRun {
  kJudge,     // What the rule says.
  kInactive,  // A stop was asked for.
  kRestart,   // It is to run again, whatever the rule says.
  kFail,      // It has failed for good; `error` says why.
};

// What the engine keeps of a service.
struct ServiceRecord {
  ServiceSpec spec;
  // Those that name it in `needs` and in `start_needs`.
  std::vector<ServiceId> dependents;
  std::vector<ServiceId> start_dependents;

  ServiceState state = ServiceState::kInactive;
  Cause cause = Cause::kResetRequested;
  absl::Time since = absl::InfinitePast();
  absl::Status error;

  // The current run.
  Generation generation = 0;
  int pid = 0;
  AfterRun after = AfterRun::kJudge;
  // The main process has been reaped; the tree is empty.
  bool exited = false;
  bool drained = false;
  bool probing = false;
  // In READY: how many probes in a row have failed, and what the last one
  // said.
  int failed_probes = 0;
  std::string complaint;
  // A process that answers no more; its end is a failure whatever the code.
  bool liveness_lost = false;
  // Is slow, but was not stopped for it, because the machine is starved. Has
  // a timer, also in READY.
  bool spared = false;
  // How long it had been ready when it stopped being so; zero if it never
  // was.
  absl::Duration ready_for = absl::ZeroDuration();
  std::optional<ExitResult> last_exit;
  // What went wrong last in this start, for a person: a probe's complaint,
  // why a spawn failed, how a run ended that nobody had asked to end.
  std::string trouble;

  // The current start.
  bool awaited = false;
  // It has not been spawned since it was asked to start: `start_needs` count.
  bool fresh = true;
  // While it runs or pauses: when the start times out. In WAITING: what is
  // left of the time; none if nothing of it has been used.
  absl::Time start_deadline = absl::InfiniteFuture();
  std::optional<absl::Duration> start_left;
  // In BACKOFF: when it will run again.
  absl::Time run_at = absl::InfiniteFuture();
  // How often in a row a spawn failed in passing.
  int spawn_retries = 0;

  // Its record.
  RestartWindow window;
  int failures_in_row = 0;

  // Has to stop (`after` says what then) as soon as nothing that needs it is
  // on its way down; and who wanted the latest stop or, in INACTIVE, the
  // reset.
  bool stop_asked = false;
  Cause stop_cause = Cause::kStopRequested;
  // Counted in `ending_dependents` of what it needs.
  bool counted_ending = false;
  bool queued_to_check = false;
  bool queued_to_start = false;
  // The groups whose restarts of several services it is part of: it does not
  // start before these are over. And those of them that wait for it to come
  // down.
  std::vector<GroupId> batches;
  std::vector<GroupId> awaited_by;

  // Kept up to date by Move, so that nothing has to be searched.
  int unmet_needs = 0;
  int failed_needs = 0;
  int unmet_start_needs = 0;
  int failed_start_needs = 0;
  // Dependents that run and are on their way down.
  int ending_dependents = 0;
};

// What the engine keeps of a group.
struct GroupRecord {
  GroupSpec spec;
  std::vector<GroupId> groups;
  std::vector<ServiceId> services;
  absl::Status error;
  // Being stopped; GroupStopped is owed.
  bool stopping = false;
  RestartWindow window;
  // Services in this group and below that are not at rest.
  int active = 0;
  // See Engine::TakenAlong.
  std::vector<ServiceId> taken_along;
  // A restart of several services: how many are still to come down, and all
  // that take part. Empty if none is under way.
  int batch_left = 0;
  std::vector<ServiceId> batch;
};

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_RECORDS_H_
