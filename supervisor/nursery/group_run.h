// How a group's body is run, and run again.
//
// A group is started by its body: a function that starts services in the
// group's nursery and returns a handle. The body is kept, and it is run again
// when the group fails:
//
//   NEW       started -> RUNNING
//   RUNNING   body returned -> UP
//             body failed, or the group gave up on a service -> PAUSING or,
//             if that is once too often or of no use, STOPPING or ENDED
//   UP        the group gave up on a service -> FAILING
//   FAILING   all that fails with it is known -> PAUSING, or ENDED as above
//   PAUSING   timer -> STOPPING
//   STOPPING  nothing of the group runs any more -> RUNNING, or ENDED if that
//             was its last run
//   any       closed from outside -> ENDED, when the body's task has ended
//
// Every move is told (Hooks::moved): it becomes an event of the journal.
//
// * What a run had started is gone before the next one begins. It declares the
//   same services again, under the same names: they keep their addresses, so
//   handles that were given out stay true, also that of the first run, which
//   is the only one that who awaits the group is given.
// * The limit of runs is the group's RestartRule: `max_runs` that fail within
//   `window` are too many, with its pauses between them. One that was up for
//   `ready_for_reset` is run again at once. What failed with InvalidArgument,
//   AlreadyExists, FailedPrecondition or Unimplemented is of no use to run
//   again, be it a mistake in the program or a service that says so (exit code
//   125, a missing program): it ends the group at once, with its own error.
// * The end is told once: the first time to who awaits the group, after that as
//   the failure of the group around it, which is then run again itself.
// * What outside needs a service of the group was stopped with it, and is
//   started again when the group is UP (Engine::TakenAlong). A start that needs
//   something of a group which is not UP waits until it is.
// * A run that the group's strategy cures by restarting services is no failure
//   here; it is when that has failed too often.
#ifndef ESPALIER_SUPERVISOR_NURSERY_GROUP_RUN_H_
#define ESPALIER_SUPERVISOR_NURSERY_GROUP_RUN_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/engine/ids.h"
#include "supervisor/engine/restart_window.h"
#include "supervisor/engine/rules.h"
#include "supervisor/loop/loop.h"
#include "supervisor/task/task.h"
#include "supervisor/task/task_function.h"

namespace espalier {

// The runs of one group's body. The loop's thread only; must have ended, or not
// have begun, when it is destroyed.
class GroupRun final : private Continuation {
 public:
  using Body = TaskFunction<Task<void>()>;
  enum class State {
    kNew,
    kRunning,
    kUp,
    kFailing,
    kPausing,
    kStopping,
    kEnded
  };
  // "RUNNING", …
  static absl::string_view StateName(State state);
  struct Move {
    const std::string& group;  // its path
    uint64_t run;              // counted from 1
    State from;
    State to;
    std::string detail;  // why, for a person; often empty
  };
  struct Options {
    std::string path;  // of the group, for people
    RestartRule restart;
    uint64_t seed = 0;  // of the pauses' jitter
  };
  struct Hooks {
    // Calls it once, soon, never from within.
    std::function<void(std::function<void()>)> later;
    // Stops all that runs in the group, then calls `done`, never from within.
    std::function<void(std::function<void()> done)> stop;
    // The body has returned.
    std::function<void()> up;
    // It was up once and is not run again: why. The service is the one that
    // the group gave up on, if that is known.
    std::function<void(std::optional<ServiceId>, absl::Status)> failed;
    std::function<void(const Move&)> moved;
  };

  // `loop` must outlive the runs.
  GroupRun(Loop& loop, Options options, Hooks hooks);

  // Runs the body. `started` is called once, never from within: OK when it has
  // returned, or why the group has ended before.
  void Start(Body body, std::function<void(absl::Status)> started);

  // The group gave up on a service, and is being stopped for it. Further errors
  // of the same run are added to the first.
  void GaveUp(ServiceId culprit, absl::Status error);

  // Something else has failed that ends this run, if it is not over: its error
  // is told with the first.
  void AlsoFailed(const absl::Status& error);

  // Ends the runs. What runs in the group is for others to stop.
  void Close();

  // Nothing is outstanding, and nothing will be run any more.
  bool ended() const {
    return state_ == State::kNew || state_ == State::kEnded;
  }
  // Its services run, as far as they ever will.
  bool settled() const { return state_ == State::kUp || ended(); }

  // Notes that the run at hand declares this, and says whether it is the first
  // to do so in this run.
  bool Declare(ServiceId id) { return services_.insert(id).second; }
  bool Declare(GroupId id) { return groups_.insert(id).second; }

  const std::string& path() const { return options_.path; }
  // Of one that is not settled, what happens next: "is run again in 0.4 s
  // (failed 2 of 5 times): …"; and when, if that is known.
  std::string Story(absl::Duration now) const;
  std::optional<absl::Duration> NextRun() const;

 private:
  std::coroutine_handle<> Ended(PromiseBase& task) override;
  void Become(State state, absl::string_view detail = "");
  void RunBody();
  void BodyEnded();
  void Up();
  void Failed(absl::Status error);
  void GiveUp(absl::Status error);
  void Pause(absl::Status error);
  // "2 of 5 times"
  std::string Failures(absl::Duration now) const;
  void Stop();
  void End(absl::Status status);

  Loop& loop_;
  const Options options_;
  const Hooks hooks_;
  std::optional<Body> body_;
  // Empty once it was called.
  std::function<void(absl::Status)> started_;
  std::optional<Task<void>> task_;

  State state_ = State::kNew;
  bool closing_ = false;
  // Of the run at hand: what it has declared, and why the group gave up.
  absl::flat_hash_set<ServiceId> services_;
  absl::flat_hash_set<GroupId> groups_;
  std::optional<ServiceId> culprit_;
  absl::Status gave_up_;

  RestartWindow window_;
  int failures_in_row_ = 0;
  uint64_t runs_ = 0;
  absl::Duration up_since_;
  // While it is pausing: until when, and after what.
  Loop::Watch timer_;
  absl::Duration run_at_;
  absl::Status last_error_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_GROUP_RUN_H_
