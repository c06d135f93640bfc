// Everything that the supervisor decides about services is decided here, and
// nothing else happens here: events go in, orders come out. The engine has no
// clock, makes no system call, starts no thread and rolls no dice; the same
// events at the same times give the same actions, on a real machine and in a
// simulation.
//
// # The states of a service
//
// A move is written "on what it leaves the state -> where to". A state that has
// a deadline has one timer; no service ever has two.
//
//   INACTIVE   start -> WAITING
//   WAITING    all needs met, and its turn -> SPAWNING (external: STARTING);
//              a need has failed for good -> BLOCKED; stop -> INACTIVE
//   BLOCKED    a need becomes ready or done, and none is failed -> WAITING;
//              stop -> INACTIVE
//   SPAWNING   spawned -> STARTING; permanent errno -> FAILED; passing errno
//              -> BACKOFF, not counted; stop, restart, start timeout
//              -> STOPPING; exit (reported first) -> DRAINING
//   STARTING   ready -> READY; exit -> DRAINING; stop, restart, start timeout
//              -> STOPPING
//   READY      exit -> DRAINING; stop, restart, so many failed probes in a row
//              that it does not live any more -> STOPPING
//   STOPPING   main process reaped and tree empty, in either order -> DRAINING;
//              grace over -> KILLING
//   KILLING    the same -> DRAINING; 15 s without it -> STUCK
//   DRAINING   nothing left -> BACKOFF, DONE, FAILED or INACTIVE; something
//              left for 15 s -> STUCK
//   BACKOFF    timer (possibly at once), restart -> WAITING; stop -> INACTIVE;
//              start timeout -> FAILED
//   STUCK      its late death -> DRAINING
//   DONE       start -> WAITING; reset -> INACTIVE
//   FAILED     start -> WAITING; reset -> INACTIVE
//
// Killing the whole environment takes what runs to KILLING at once; when the
// keeper is lost, it goes through DRAINING to INACTIVE.
//
// A run that was to be stopped also goes through DRAINING, so every run that
// was spawned does. A restart passes through BACKOFF without a pause.
//
// # What happens when a run ends (the way out of DRAINING)
//
//   a stop was asked for        -> INACTIVE
//   a restart was asked for     -> BACKOFF without a pause; not counted
//   the start had timed out     -> FAILED
//   exit code 0                 -> DONE, for a one-shot or unless the rule says
//                                  "always"
//   a permanent exit code       -> FAILED
//   the rule says "never"       -> FAILED
//   the limit is reached        -> FAILED
//   otherwise                   -> BACKOFF with a pause, or none if it was
//                                  ready for long enough
//
// The start timeout covers a whole start: its clock begins with the first
// spawn, goes on over runs that fail, stands still in WAITING, and ends when
// the service is ready.
//
// # Failing for good, and groups
//
// A service that becomes FAILED is escalated: its group gives up, which stops
// everything in it and is a failure of the group around it, up to the root.
// Escalation ends at a group that somebody awaits (GroupSpec::awaited), and
// does not begin while somebody awaits the start of the service
// (StartRequested::awaited). Who awaits a group may run it again, with
// other specs if need be (ReplaceService), or pass its failure on
// (GroupFailed). Services that have ended at the same time, and are not judged
// any more because of it, are named in the error.
//
// What a failure that is worth another run does to the others in the group is
// the group's Strategy. Services that restart together are stopped in reverse
// order, and none is started before all of them are down; what fails in the
// meantime joins them. So the group is charged once for deaths that come
// together; `max_runs` such restarts within `window`, and it gives up. A
// service that restarts with several groups, nested ones, waits for all.
//
// # A machine that is short of something
//
// On a starved machine everything is slow, and to kill and restart what is slow
// makes it worse. While the pressure is high (PressureChanged), few services
// are started at a time, and of those that are slow (liveness lost, start timed
// out) one is stopped now and then; the others are spared. When the pressure
// has gone, each of those that were spared is given another chance: new probes,
// or a start timeout anew.
//
// # Order
//
// A service starts when all that it needs is READY or DONE. A stop or restart
// that was asked for reaches a service only when nothing that needs it is on
// its way down any more; a service that waits for that keeps its state. What it
// gives cause for itself (lost liveness, a start that takes too long) does not
// wait. STUCK does not hold anybody up: every stop ends.
//
// Nobody waits for what will not come: a start is refused when something that
// it needs is down and may not be started, and a stop takes back the starts
// that wait for the service. Only who resets what others need leaves them
// waiting, until it is started again.
//
// # Invariants
//
//   * At most one generation of a service is spawned and not yet drained.
//   * No service is spawned before its needs are met.
//   * Never more than `max_runs` failures within `window`, then FAILED.
//   * Never more than `max_starting` services in SPAWNING and STARTING (when
//     the limit is lowered: none is added until it holds again).
//   * Every service in a state with a deadline has a timer.
//   * Under pressure never two stopped for being slow within 10 s.
#ifndef SUPERVISOR_ENGINE_ENGINE_H_
#define SUPERVISOR_ENGINE_ENGINE_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/events.h"
#include "supervisor/engine/exit_result.h"
#include "supervisor/engine/ids.h"
#include "supervisor/engine/pressure.h"
#include "supervisor/engine/records.h"
#include "supervisor/engine/restart_window.h"
#include "supervisor/engine/rules.h"
#include "supervisor/engine/service_state.h"
#include "supervisor/engine/specs.h"
#include "supervisor/engine/timer_queue.h"

namespace espalier {

// Thread-compatible; meant for the one thread that runs the loop.
class Engine {
 public:
  explicit Engine(EngineOptions options = {});

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Adds a group without services. InvalidArgument if there is no such parent
  // or the rule makes no sense, AlreadyExists if the parent has a group of that
  // name.
  absl::StatusOr<GroupId> AddGroup(GroupSpec spec);

  // Adds a service, INACTIVE; may be called at any time. InvalidArgument if a
  // rule makes no sense or a group or need does not exist, AlreadyExists if the
  // group has a service of that name.
  absl::StatusOr<ServiceId> AddService(ServiceSpec spec);

  // Gives a service of which nothing runs (at rest, and not STUCK) another
  // spec, of the same name and group: whoever runs a group again may want it
  // otherwise. InvalidArgument as AddService, and if it is to need a service
  // that was added after it.
  absl::Status ReplaceService(ServiceId id, ServiceSpec spec);

  // Handles one event that happened at `now`, then everything that is due at
  // `now`, and appends what is to be done to `actions`. `now` comes from a
  // monotonic clock and must not go backwards (an earlier time counts as the
  // latest one). Ids in events must exist. Takes time for what it changes, not
  // for what there is.
  void Step(const Event& event, absl::Time now, std::vector<Action>& actions);

  // The same, for one event at a time.
  std::vector<Action> Step(const Event& event, absl::Time now);

  // When the next Tick is due; InfiniteFuture() if none is.
  absl::Time NextTimer() const { return timers_.Next(); }

  // --- What is known. Ids must exist.

  size_t service_count() const { return services_.size(); }
  size_t group_count() const { return groups_.size(); }
  const ServiceSpec& Spec(ServiceId id) const { return At(id).spec; }
  const GroupSpec& Spec(GroupId id) const { return At(id).spec; }
  ServiceState State(ServiceId id) const { return At(id).state; }
  // The latest run; 0 if there was none.
  Generation CurrentGeneration(ServiceId id) const { return At(id).generation; }
  // The process of the current run; 0 if none runs or it is not known yet.
  int Pid(ServiceId id) const { return At(id).pid; }
  // Why it is in its state.
  Cause LastCause(ServiceId id) const { return At(id).cause; }
  // Since when it is in its state.
  absl::Time Since(ServiceId id) const { return At(id).since; }
  // When the state it is in will end by itself; InfiniteFuture() if it will
  // not.
  absl::Time Deadline(ServiceId id) const { return timers_.Get(id); }
  // How the latest run that has ended did.
  std::optional<ExitResult> LastExit(ServiceId id) const {
    return At(id).last_exit;
  }
  // The failed runs that count against the limit at `now`.
  int FailuresInWindow(ServiceId id, absl::Time now) const;
  // In FAILED: a sentence that says why. In STUCK: that it could not be killed.
  // Otherwise OK.
  absl::Status Error(ServiceId id) const;
  // Why the latest start could not succeed, also if it was stopped before that
  // was known; OK if nothing of the kind is known.
  absl::Status StartError(ServiceId id) const { return At(id).error; }
  // Why the group gave up; OK if it did not. Kept until something in the group
  // is started anew.
  absl::Status Error(GroupId id) const { return At(id).error; }
  // The services outside the group that were stopped with it, because they need
  // something of it, when it gave up, was stopped, or had something of it
  // stopped (StopRequested::with_group); in the order in which they were added.
  // Whoever makes the group run again starts them again. A service that is
  // started, or stopped for its own sake, is not among them any more.
  const std::vector<ServiceId>& TakenAlong(GroupId id) const {
    return At(id).taken_along;
  }
  // Whether the group, or one around it, is being stopped or has ended for
  // good: starts in it are ignored.
  bool IsClosed(GroupId id) const;
  // Whether every service of the group, and of the groups below, is at rest.
  bool IsGroupAtRest(GroupId id) const { return At(id).active == 0; }
  // Whether the group is the other one, or somewhere below it.
  bool IsInside(GroupId id, GroupId outer) const;
  // The latest revision given to a Changed; 0 if there was none.
  uint64_t revision() const { return revision_; }
  // How many services are in SPAWNING and STARTING.
  int starting_count() const { return starting_; }
  // Whether a stop or restart was asked of the service, and waits until those
  // that need it are down.
  bool IsStopPending(ServiceId id) const { return At(id).stop_asked; }

  // Whether a stop was asked for that has not come to its end, and nothing else
  // was asked for since.
  bool IsToStop(ServiceId id) const {
    return At(id).after == After::kInactive && !IsAtRest(At(id).state);
  }

  // What a stop of the service would stop first: everything active that needs
  // it, directly or not, in the order in which it was added.
  std::vector<ServiceId> LiveDependents(ServiceId id) const;

  // Why the service is in its state, what happens next and when, and the chain
  // of causes, for a person: "gateway waits for links, which failed 3 of 5
  // times: exit code 1, next run in 0.8 s".
  std::string Explain(ServiceId id, absl::Time now) const;

  // What of its needs a service waits for in WAITING or BLOCKED; nothing in
  // other states.
  std::vector<ServiceId> WaitsFor(ServiceId id) const;

  // What happens to the service next if nobody asks for anything, and when:
  // "runs again in 0.8 s".
  std::string Next(ServiceId id, absl::Time now) const;

 private:
  using After = AfterRun;
  using Service = ServiceRecord;
  using Group = GroupRecord;

  const Service& At(ServiceId id) const { return services_[Index(id)]; }
  const Group& At(GroupId id) const { return groups_[Index(id)]; }
  Service& At(ServiceId id) { return services_[Index(id)]; }
  Group& At(GroupId id) { return groups_[Index(id)]; }

  // engine.cc: what comes in.
  absl::Status CheckSpec(const ServiceSpec& spec) const;
  void Link(ServiceId id);
  void Unlink(ServiceId id);
  void Handle(const StartRequested& event);
  void Handle(const StopRequested& event);
  void Handle(const RestartRequested& event);
  void Handle(const ResetRequested& event);
  void Handle(const StopGroupRequested& event);
  void Handle(const GroupFailed& event);
  void Handle(const StopAll& event);
  void Handle(const KillAll& event);
  void Handle(const Spawned& event);
  void Handle(const SpawnFailed& event);
  void Handle(const BecameReady& event);
  void Handle(const ProbeFailed& event);
  void Handle(const ProbePassed& event);
  void Handle(const Exited& event);
  void Handle(const Drained& event);
  void Handle(const KeeperLost& event);
  void Handle(const MaxStartingChanged& event);
  void Handle(const PressureChanged& event);
  void Handle(const Tick&) {}
  void HandleTimer(ServiceId id);
  bool IsCurrent(ServiceId id, Generation generation) const;
  bool HasEnded() const;
  void EndWithoutKeeper();

  // engine_moves.cc: the one way to change a state, and what follows from it.
  void Move(ServiceId id, ServiceState to, Cause cause,
            std::string detail = {});
  void ArmTimer(ServiceId id);
  void TellDependents(ServiceId id, ServiceState from, ServiceState to);
  void TellNeeds(ServiceId id);
  void TellGroups(ServiceId id, ServiceState from, ServiceState to);
  void Check(ServiceId id);
  void CheckSoon(ServiceId id);
  void Settle();

  // engine_start.cc: from asked for to running.
  bool StartWithNeeds(ServiceId id, Cause cause);
  void StartOne(ServiceId id, Cause cause);
  static void BeginRecord(Service& service);
  static void ResetStartClock(Service& service);
  void CheckWaiting(ServiceId id);
  void CheckBlocked(ServiceId id);
  void TakeBackStop(ServiceId id);
  bool NeedGoesDown(const Service& service) const;
  bool NeedsMet(const Service& service) const;
  bool NeedsFailed(const Service& service) const;
  void BeginRun(ServiceId id);
  void BeginProbe(ServiceId id);
  void SpawnRefused(ServiceId id, bool passing);
  void StartTimedOut(ServiceId id);
  void StartQueued();
  static std::string ErrnoText(int error);

  // engine_pressure.cc: services that are slow, and when that is forgiven.
  int MaxStarting() const;
  bool Spare(ServiceId id);
  void SpareNoLonger(ServiceId id);
  void Forgive(ServiceId id);
  void CheckLiveness(ServiceId id);

  // engine_stop.cc: from running to gone.
  std::vector<ServiceId> AskStop(ServiceId id, Cause cause);
  bool AskStopOne(ServiceId id, Cause cause);
  void StopInOrder(ServiceId id, After after, Cause cause);
  void BeginStop(ServiceId id, Cause cause, std::string detail = {});
  void BeginKill(ServiceId id, Cause cause);
  void KillNow(ServiceId id);
  void LoseNow(ServiceId id);
  void BeginDrain(ServiceId id, Cause cause, std::string detail = {});
  void RunEndedIfGone(ServiceId id);

  // engine_judge.cc: what comes after a run.
  void RunEnded(ServiceId id);
  void Judge(ServiceId id);
  void RunFailed(ServiceId id, std::string reason);
  void Pause(ServiceId id, absl::Duration pause, Cause cause,
             std::string detail = {});
  void Fail(ServiceId id, absl::Status error, Cause cause);
  absl::Duration PauseBeforeRun(ServiceId id, int failures) const;

  // engine_groups.cc: what one service does to the others of its group.
  void StopGroup(GroupId id, Cause cause);
  void GiveUp(GroupId id, ServiceId culprit, absl::Status error,
              bool passed_on = false);
  absl::Status WithOtherDeaths(GroupId id, ServiceId culprit,
                               const absl::Status& error) const;
  void CheckStopped(GroupId id);
  absl::Status StoppedStatus(GroupId id) const;
  void ForgetGroupErrors(GroupId id);
  void TakeAlong(GroupId id, const std::vector<ServiceId>& stopped);
  void ForgetTakenAlong(ServiceId id);
  absl::Status RestartTogether(ServiceId id);
  void RestartWithGroup(ServiceId id);
  std::vector<ServiceId> RestartsWith(ServiceId id) const;
  void JoinBatch(ServiceId id, GroupId group);
  void ArriveInBatches(ServiceId id);
  void EndBatch(GroupId id);
  void AppendServices(GroupId id, std::vector<ServiceId>& services) const;

  // engine_explain.cc: the predicate of a sentence about the service.
  std::string Story(ServiceId id, absl::Time now, int depth) const;
  std::string WaitingStory(ServiceId id, absl::Time now, int depth) const;
  std::string RunningStory(ServiceId id, absl::Time now) const;
  std::string BackoffStory(const Service& service, absl::Time now) const;
  std::string NextWhenWaiting(ServiceId id) const;
  std::string NextWhenRunning(ServiceId id, absl::Time now) const;

  template <typename A>
  void Do(A action) {
    actions_->push_back(std::move(action));
  }

  const uint64_t seed_;
  int max_starting_;
  const absl::Duration kill_deadline_;
  std::deque<Service> services_;  // large ones, which are never copied
  std::vector<Group> groups_;
  // The names are those in services_.
  absl::flat_hash_set<std::pair<GroupId, absl::string_view>> service_names_;
  absl::flat_hash_set<std::pair<GroupId, std::string>> group_names_;
  TimerQueue timers_;
  absl::Time now_ = absl::InfinitePast();
  uint64_t revision_ = 0;
  int starting_ = 0;
  // The pressure is high; and when the next service may be stopped for being
  // slow.
  bool pressed_ = false;
  absl::Time next_slow_stop_ = absl::InfinitePast();
  // The whole environment ends; nothing is started any more.
  bool closed_ = false;
  // Services to look at again before the Step ends, and those whose needs are
  // met and that wait for their turn, oldest first.
  std::vector<ServiceId> to_check_;
  std::deque<ServiceId> to_start_;
  std::vector<GroupId> groups_to_check_;
  // Where the current Step puts its actions.
  std::vector<Action>* actions_ = nullptr;
};

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_ENGINE_H_
