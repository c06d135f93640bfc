#ifndef SUPERVISOR_ENGINE_SIMULATION_BODIES_H_
#define SUPERVISOR_ENGINE_SIMULATION_BODIES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/events.h"
#include "supervisor/engine/simulation/random.h"
#include "supervisor/engine/simulation/rule.h"

namespace espalier::simulation {

// Who awaits groups in a simulation: runs their bodies again when they have
// failed, as GroupRun and Runtime (supervisor/nursery) do. A body starts what
// is in the group in order of the ids, one after the other or all at once, some
// of it with another spec than before; a group inside that has a body too is
// run as one step of it. What was stopped with a group is started again when
// its body is up.
class Bodies {
 public:
  // Tells the engine, and replaces a service's spec by another one.
  using Tell = std::function<void(const Event&)>;
  using Replace = std::function<void(ServiceId, uint32_t)>;

  // `view` must outlive this, with all groups and services in it.
  Bodies(View& view, Tell tell, Replace replace);

  void See(const GaveUp& news);
  // Somebody else ends the group, or all groups inside it.
  void Close(GroupId group);
  void CloseInside(GroupId group);
  // After every event, and when Next() has come: goes on as far as it can.
  void Settle();
  // When there is something to do by itself; InfiniteFuture() if there is not.
  absl::Time Next() const;
  // As Rule::AtRest: a body may wait for a service that has failed for good,
  // but not when all services are up.
  void AtRest(bool all_is_up);

  // How often a body was run again, how often one was up then, and how many
  // services were started again with it.
  struct Counts {
    int64_t runs = 0;
    int64_t ups = 0;
    int64_t taken_along = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  // As in group_run.h; a body that is not run any more, or never is, is kEnded.
  enum class State {
    kUp,
    kFailing,
    kPausing,
    kStopping,
    kRunning,
    kCleaning,  // its body has failed, and what it started is being stopped
    kEnded
  };
  enum class Progress { kNotBegun, kWaits, kStarts, kUp, kFailed };
  struct Step {
    // Exactly one of them.
    std::optional<ServiceId> service;
    std::optional<GroupId> group;
    Progress progress = Progress::kNotBegun;
  };
  struct Body {
    GroupId group{};
    State state = State::kEnded;
    int runs_left = 0;
    // Somebody waits for the first time that it is up, and takes its failure.
    bool awaited = false;
    bool closing = false;
    bool gave_up = false;
    ServiceId culprit{};
    // Of the run at hand.
    bool fails = false;
    bool at_once = false;
    std::vector<Step> steps = {};
    absl::Time until = absl::InfiniteFuture();
  };

  Body* Of(GroupId group) { return &bodies_[Index(group)]; }
  static bool IsSettled(const Body& body) {
    return body.state == State::kUp || body.state == State::kEnded;
  }
  int RunsOf(GroupId group) const;
  bool HasBody(GroupId group) const { return RunsOf(group) > 0; }
  bool HasEndedInside(GroupId group) const;
  bool MustWait(ServiceId id) const;
  bool WaitsForOthers(const Body& body) const;
  bool IsTakenAlong(ServiceId id, GroupId group) const;

  // These say whether they have done anything.
  bool GoOn(Body& body);
  bool GoOnRunning(Body& body);
  bool GoOn(Body& body, Step& step);
  bool BeginStep(const Step& step);
  bool Cancel(const Body& body, const Step& step);
  bool GoOnStopping(Body& body);
  bool GoOnCleaning(Body& body);
  bool StartTakenAlong();

  Progress ProgressOfStart(const Step& step);
  void Begin(Body& body);
  void Up(Body& body);
  void CleanUp(Body& body);
  void Decide(Body& body);
  void Stop(Body& body);
  // Whether nothing of the group runs; stops it again if somebody started some.
  bool IsGone(GroupId group, bool& told);

  View& view_;
  const Tell tell_;
  const Replace replace_;
  Random random_;
  // By group; that of the root is never used.
  std::vector<Body> bodies_;
  // Taken along with groups that are up, and not started yet.
  std::vector<std::pair<ServiceId, GroupId>> waiting_;
  bool settling_ = false;
  Counts counts_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_BODIES_H_
