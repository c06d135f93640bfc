#include "supervisor/engine/simulation/simulation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/engine/engine.h"
#include "supervisor/engine/simulation/batch_rule.h"
#include "supervisor/engine/simulation/goal_rule.h"
#include "supervisor/engine/simulation/group_rule.h"
#include "supervisor/engine/simulation/intent.h"
#include "supervisor/engine/simulation/limit_rule.h"
#include "supervisor/engine/simulation/move_rule.h"
#include "supervisor/engine/simulation/order_rule.h"
#include "supervisor/engine/simulation/process_rule.h"
#include "supervisor/engine/simulation/story.h"
#include "supervisor/engine/simulation/taken_along_rule.h"
#include "supervisor/engine/simulation/world.h"

namespace espalier::simulation {
namespace {

// A simulation that takes more steps than this for each act and service has run
// into a circle.
constexpr int64_t kMostStepsEach = 2000;

class Run {
 public:
  Run(const Scenario& scenario,
      const std::function<void(const std::string&)>& tell,
      const std::function<void(const Changed&, absl::Time, const Engine&)>&
          record)
      : scenario_(scenario),
        engine_({.seed = scenario.seed, .max_starting = scenario.max_starting}),
        view_{.scenario = scenario,
              .engine = engine_,
              .specs = scenario.services,
              .intent = &intent_},
        intent_(view_),
        world_(scenario.seed, view_.specs),
        bodies_(
            view_, [this](const Event& event) { Tell(event); },
            [this](ServiceId id, uint32_t number) { Replace(id, number); }),
        tell_(tell),
        record_(record) {
    for (const GroupSpec& spec : scenario.groups) {
      Require(engine_.AddGroup(spec).status());
    }
    for (const ServiceSpec& spec : scenario.services) {
      Require(engine_.AddService(spec).status());
    }
    if (!Broken()) Prepare();
  }

  Outcome ToEnd() && {
    for (const Act& act : scenario_.acts) {
      if (Broken()) break;
      PassTime(view_.now + act.after);
      Do(act);
    }
    if (scenario_.ending == Ending::kHeal) HealAndReachWhatWasAskedFor();
    End();
    for (size_t i = 0; i < kActKinds; ++i) {
      outcome_.counts[i] += world_.counts()[i];
    }
    outcome_.bodies = bodies_.counts();
    outcome_.violations = std::move(view_.violations);
    return std::move(outcome_);
  }

 private:
  bool Broken() const { return !view_.violations.empty(); }

  void Require(const absl::Status& status) {
    if (!status.ok()) view_.violations.push_back(std::string(status.message()));
  }

  void Prepare() {
    const size_t size = scenario_.services.size();
    view_.states.assign(size, ServiceState::kInactive);
    LookAtSpecs();
    most_steps_ =
        kMostStepsEach * static_cast<int64_t>(scenario_.acts.size() + size + 1);
    rules_.push_back(std::make_unique<MoveRule>(view_));
    rules_.push_back(std::make_unique<ProcessRule>(view_));
    rules_.push_back(std::make_unique<OrderRule>(view_));
    rules_.push_back(std::make_unique<BatchRule>(view_));
    rules_.push_back(std::make_unique<LimitRule>(view_));
    rules_.push_back(std::make_unique<GroupRule>(view_));
    rules_.push_back(std::make_unique<TakenAlongRule>(view_));
    rules_.push_back(std::make_unique<GoalRule>(view_));
  }

  void LookAtSpecs() {
    const size_t size = view_.size();
    view_.dependents.assign(size, {});
    view_.start_dependents.assign(size, {});
    std::vector<int> depth(size, 1);
    absl::Duration grace = absl::ZeroDuration();
    for (size_t i = 0; i < size; ++i) {
      // The engine has sorted them and left out those that were named twice.
      const ServiceSpec& spec = engine_.Spec(View::Id(i));
      grace = std::max(grace, spec.stop.grace);
      for (const ServiceId need : spec.needs) {
        view_.dependents[Index(need)].push_back(View::Id(i));
        depth[i] = std::max(depth[i], depth[Index(need)] + 1);
      }
      for (const ServiceId need : spec.start_needs) {
        view_.start_dependents[Index(need)].push_back(View::Id(i));
      }
    }
    const int levels = *std::max_element(depth.begin(), depth.end());
    // A stop may have begun with what there was before.
    view_.longest_stop =
        std::max(view_.longest_stop, levels * (grace + 2 * kKillDeadline));
  }

  void Replace(ServiceId id, uint32_t number) {
    const ServiceState state = engine_.State(id);
    const bool may = IsAtRest(state) && state != ServiceState::kStuck;
    const absl::Status status =
        engine_.ReplaceService(id, MakeReplacement(view_.Spec(id), id, number));
    if (status.ok() != may) {
      view_.violations.push_back(absl::StrCat(
          view_.Spec(id).name, " is replaced while it runs, or cannot be: ",
          std::string(status.message())));
    }
    if (!status.ok()) return;
    ++outcome_.replaced;
    view_.specs[Index(id)] = engine_.Spec(id);
    LookAtSpecs();
    if (tell_) tell_("replaced: " + Describe(scenario_, engine_.Spec(id)));
  }

  // --- Steps

  void Tell(const Event& event) {
    if (++outcome_.steps > most_steps_) {
      view_.violations.push_back("it does not come to an end");
    }
    outcome_.coverage.Note(engine_, event, view_.now);
    if (tell_) tell_(Describe(scenario_, event, view_.now));
    intent_.Before(event);
    for (const auto& rule : rules_) rule->Before(event);
    if (std::holds_alternative<KeeperLost>(event)) world_.Clear();
    if (std::holds_alternative<StopAll>(event) ||
        std::holds_alternative<KillAll>(event) ||
        std::holds_alternative<KeeperLost>(event)) {
      bodies_.CloseInside(kRootGroup);
    }
    actions_.clear();
    engine_.Step(event, view_.now, actions_);
    for (const Action& action : actions_) Look(action);
    intent_.After();
    for (const auto& rule : rules_) rule->After();
    bodies_.Settle();
  }

  void Look(const Action& action) {
    if (tell_) tell_(Describe(scenario_, action));
    for (const auto& rule : rules_) rule->See(action);
    intent_.See(action);
    if (const auto* change = std::get_if<Changed>(&action)) {
      view_.states[Index(change->id)] = change->to;
      if (record_) record_(*change, view_.now, engine_);
    } else if (const auto* news = std::get_if<GaveUp>(&action)) {
      bodies_.See(*news);
    } else if (const auto* news = std::get_if<GroupStopped>(&action)) {
      ended_ = ended_ || (news->group == kRootGroup && ending_);
    }
    world_.Carry(action, view_.now);
  }

  // Whatever happens by itself until `end`.
  void PassTime(absl::Time end) {
    while (!Broken() && Pass(end)) {
    }
    if (end != absl::InfiniteFuture()) view_.now = std::max(view_.now, end);
  }

  // The next thing that happens by itself; false if nothing does until `end`.
  bool Pass(absl::Time end) {
    const absl::Time next =
        std::min({world_.Next(), engine_.NextTimer(), bodies_.Next()});
    if (next > end || next == absl::InfiniteFuture()) return false;
    view_.now = std::max(view_.now, next);
    if (bodies_.Next() <= next) {
      bodies_.Settle();
    } else if (world_.Next() <= next) {
      if (const std::optional<Event> event = world_.Take()) Tell(*event);
    } else {
      Tell(Tick{});
    }
    return true;
  }

  static GroupId GroupOf(const Act& act) {
    return GroupId{static_cast<uint32_t>(Index(act.service))};
  }

  void Do(const Act& act) {
    if (IsFault(act.kind)) return world_.Inject(act, view_.now);
    ++outcome_.counts[static_cast<size_t>(act.kind)];
    switch (act.kind) {
      case ActKind::kStart:
        return Tell(StartRequested{.id = act.service});
      case ActKind::kAwaitedStart:
        return Tell(StartRequested{.id = act.service, .awaited = true});
      case ActKind::kStop:
        return Tell(StopRequested{act.service});
      case ActKind::kRestart:
        return Tell(RestartRequested{act.service});
      case ActKind::kReset:
        return Tell(ResetRequested{act.service});
      case ActKind::kStopGroup:
        bodies_.Close(GroupOf(act));
        bodies_.CloseInside(GroupOf(act));
        return Tell(StopGroupRequested{GroupOf(act)});
      case ActKind::kFailGroup:
        return Tell(GroupFailed{
            GroupOf(act), View::Id(act.number % view_.size()),
            absl::UnavailableError("it could not be made to run again")});
      case ActKind::kReplace:
        return Replace(act.service, act.number);
      default:
        return Tell(MaxStartingChanged{static_cast<int>(1 + act.number % 8)});
    }
  }

  // --- The end

  void ComeToRest() {
    PassTime(absl::InfiniteFuture());
    for (size_t i = 0; i < rules_.size() && !Broken(); ++i) rules_[i]->AtRest();
    if (!Broken()) bodies_.AtRest(/*all_is_up=*/false);
  }

  void HealAndReachWhatWasAskedFor() {
    world_.Heal(view_.now);
    ComeToRest();
    if (Broken() || engine_.IsClosed(kRootGroup)) return;
    for (size_t i = 0; i < view_.size(); ++i) {
      Tell(StartRequested{.id = View::Id(i)});
    }
    ComeToRest();
    for (size_t i = 0; i < view_.size() && !Broken(); ++i) {
      if (Satisfies(view_.states[i])) continue;
      view_.violations.push_back(absl::StrCat(
          "did not recover: ", engine_.Explain(View::Id(i), view_.now)));
    }
    if (!Broken()) bodies_.AtRest(/*all_is_up=*/true);
  }

  void End() {
    if (Broken()) return;
    ending_ = true;
    const bool closed = engine_.IsClosed(kRootGroup);
    switch (scenario_.ending) {
      case Ending::kHeal:
      case Ending::kStopAll:
        Tell(StopAll{});
        break;
      case Ending::kKillAll:
        // Right away, or because the stop takes too long.
        if (scenario_.seed % 2 == 0) Tell(StopAll{});
        Tell(KillAll{});
        break;
      case Ending::kKeeperLost:
        Tell(KeeperLost{});
        break;
    }
    ComeToRest();
    if (!Broken() && !ended_ && !closed) {
      view_.violations.push_back("the end is not told");
    }
  }

  const Scenario& scenario_;
  Engine engine_;
  View view_;
  Intent intent_;
  World world_;
  Bodies bodies_;
  const std::function<void(const std::string&)>& tell_;
  const std::function<void(const Changed&, absl::Time, const Engine&)>& record_;
  std::vector<std::unique_ptr<Rule>> rules_;
  std::vector<Action> actions_;
  int64_t most_steps_ = 0;
  bool ending_ = false;
  bool ended_ = false;
  Outcome outcome_;
};

}  // namespace

Outcome Simulate(const Scenario& scenario,
                 const std::function<void(const std::string&)>& tell,
                 const std::function<void(const Changed&, absl::Time,
                                          const Engine&)>& record) {
  return Run(scenario, tell, record).ToEnd();
}

int64_t CountFaults(const ActCounts& counts) {
  int64_t faults = 0;
  for (size_t i = 0; i < kActKinds; ++i) {
    if (IsFault(static_cast<ActKind>(i))) faults += counts[i];
  }
  return faults;
}

}  // namespace espalier::simulation
