// Random environments in a random world, in virtual time: after every step the
// engine's promises must hold, and when the faults cease, it must reach what
// was asked for. A failure names its seed; --gtest_filter=*/<seed> repeats it.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/engine/engine.h"

namespace espalier {
namespace {

using enum ServiceState;

// A process in the fake world: one run that was spawned and has not drained.
struct Run {
  Generation generation = 0;
  bool exited = false;
  bool drained = false;
  bool killed = false;
};

// Plays keeper, probes and operator, and checks what the engine does.
class Simulation {
 public:
  explicit Simulation(uint64_t seed)
      : random_(seed),
        max_starting_(Chance(2) ? 3 : 1000),
        engine_({.seed = seed, .max_starting = max_starting_}) {
    AddGroups();
    AddServices();
  }

  void RunAll() {
    for (const ServiceId id : ids_) Send(StartRequested{.id = id});
    for (int i = 0; i < 400 && !Broken(); ++i) RandomStep();
    faults_ = false;
    CheckThatWorldHeals();
    Send(StopAll{});
    // Grace and the deadline of a kill, for each level of needs.
    for (int i = 0; i < 2000 && !Broken() && !stopped_; ++i) Wait();
    EXPECT_TRUE(stopped_) << "the stop of everything did not end\n" << Story();
    for (const ServiceId id : ids_) {
      EXPECT_TRUE(IsAtRest(engine_.State(id))) << Story();
    }
  }

 private:
  bool Broken() const { return testing::Test::HasFailure(); }
  bool Chance(int of) { return random_() % of == 0; }
  uint64_t Pick(uint64_t below) { return random_() % below; }
  ServiceId PickService() { return ids_[Pick(ids_.size())]; }

  void AddGroups() {
    for (int i = 0; i < 3; ++i) {
      GroupSpec spec = {
          .name = std::to_string(i),
          .parent = GroupId{static_cast<uint32_t>(Pick(engine_.group_count()))},
          .strategy = static_cast<Strategy>(Pick(4)),
          .awaited = true};
      ASSERT_TRUE(engine_.AddGroup(spec).ok());
    }
  }

  void AddServices() {
    const int count = 1 + static_cast<int>(Pick(25));
    for (int i = 0; i < count; ++i) {
      ServiceSpec spec = {.name = std::to_string(i),
                          // None in the root group: the environment is not to
                          // end before the test is over.
                          .group = GroupId{static_cast<uint32_t>(1 + Pick(3))}};
      for (int need = 0; need < i; ++need) {
        if (!Chance(5)) continue;
        (Chance(4) ? spec.start_needs : spec.needs)
            .push_back(ServiceId{static_cast<uint32_t>(need)});
      }
      spec.one_shot = Chance(6);
      spec.external = !spec.one_shot && Chance(8);
      spec.restart.when = static_cast<RestartWhen>(Pick(3));
      ids_.push_back(engine_.AddService(spec).value());
      failures_.emplace_back();
    }
  }

  // --- The world.

  void RandomStep() {
    switch (Pick(8)) {
      case 0:
        Command();
        break;
      case 1:
        Wait();
        break;
      case 2:
        StaleNews();
        break;
      default:
        if (!News(PickService())) Wait();
        break;
    }
  }

  void Command() {
    const ServiceId id = PickService();
    switch (Pick(7)) {
      case 0:
        Send(StopRequested{id});
        break;
      case 1:
        Send(RestartRequested{id});
        break;
      case 2:
        failures_[Index(id)].clear();
        Send(ResetRequested{id});
        break;
      case 3:
        if (Chance(4)) Send(StopGroupRequested{GroupId{1}});
        break;
      default:
        Send(StartRequested{.id = id, .awaited = Chance(2)});
        break;
    }
  }

  void StaleNews() {
    const ServiceId id = PickService();
    const Generation now = engine_.CurrentGeneration(id);
    if (now == 0) return;
    const uint64_t revision = engine_.revision();
    Send(Exited{id, now - 1, ExitResult::Exited(1)});
    Send(BecameReady{id, now - 1});
    Send(SpawnFailed{id, now - 1, ENOENT, "stale"});
    // A due timer would be something else; there is none after each Send.
    EXPECT_EQ(engine_.revision(), revision) << "stale news moved something";
  }

  // Lets time pass up to the engine's next timer, and lets what is dying die.
  void Wait() {
    if (faults_) {
      for (const ServiceId id : ids_) {
        if (!Chance(3)) News(id);
      }
    } else {
      SettleWorld();
    }
    const absl::Time next = engine_.NextTimer();
    const absl::Time end = now_ + absl::Milliseconds(Pick(3000));
    if (next > now_) now_ = faults_ ? std::min(next, end) : next;
    if (next == absl::InfiniteFuture()) now_ = end;
    Send(Tick{});
  }

  // In a world without faults everything answers before time passes.
  void SettleWorld() {
    uint64_t revision = 0;
    do {
      revision = engine_.revision();
      // A death takes two events, and moves nothing with the first.
      for (int i = 0; i < 3; ++i) {
        for (const ServiceId id : ids_) News(id);
      }
    } while (engine_.revision() != revision && !Broken());
  }

  // Something happens to the service's process; false if it has none.
  bool News(ServiceId id) {
    const ServiceState state = engine_.State(id);
    const Generation generation = engine_.CurrentGeneration(id);
    const auto run = runs_.find(id);
    if (run == runs_.end()) return ExternalNews(id);
    if (run->second.exited || run->second.killed) return Death(id);
    if (state == kSpawning) {
      if (faults_ && Chance(6)) {
        runs_.erase(run);
        const int error = Chance(3) ? ENOENT : EAGAIN;
        Send(SpawnFailed{id, generation, error, "execute"});
      } else if (faults_ && Chance(6)) {
        return Death(id);
      } else {
        Send(Spawned{id, generation, 1});
      }
    } else if (state == kStarting && !engine_.Spec(id).one_shot &&
               !(faults_ && Chance(3))) {
      Send(BecameReady{id, generation});
    } else if (state == kReady && faults_ && Chance(4)) {
      for (int i = 0; i < 3; ++i) {
        Send(ProbeFailed{id, generation, "no answer"});
      }
    } else if (faults_ || state == kStopping || state == kKilling ||
               engine_.Spec(id).one_shot) {
      return Death(id);
    }
    return true;
  }

  bool ExternalNews(ServiceId id) {
    if (!engine_.Spec(id).external) return false;
    const Generation generation = engine_.CurrentGeneration(id);
    if (engine_.State(id) == kStarting) Send(BecameReady{id, generation});
    if (engine_.State(id) == kReady && faults_ && Chance(3)) {
      for (int i = 0; i < 3; ++i) {
        Send(ProbeFailed{id, generation, "no answer"});
      }
    }
    return true;
  }

  // Main process and tree go in either order, and sometimes not at all.
  bool Death(ServiceId id) {
    Run& run = runs_[id];
    const Generation generation = run.generation;
    if (faults_ && Chance(6)) return true;
    if (!run.exited && !(Chance(3) && !run.drained)) {
      run.exited = true;
      const bool both = run.drained;
      if (both) runs_.erase(id);
      Send(Exited{id, generation, RandomExit()});
    } else if (!run.drained) {
      run.drained = true;
      const bool both = run.exited;
      if (both) runs_.erase(id);
      Send(Drained{id, generation});
    }
    return true;
  }

  ExitResult RandomExit() {
    if (!faults_) return ExitResult::Exited(0);
    switch (Pick(6)) {
      case 0:
        return ExitResult::Exited(0);
      case 1:
        return ExitResult::Exited(125);
      case 2:
        return ExitResult::Signaled(SIGKILL);
      default:
        return ExitResult::Exited(1);
    }
  }

  // --- The checks.

  void Send(const Event& event) {
    std::vector<Action> actions;
    for (const ServiceId id : ids_) before_[id] = engine_.State(id);
    engine_.Step(event, now_, actions);
    for (const Action& action : actions) {
      Remember(action);
      std::visit([this](const auto& one) { Look(one); }, action);
    }
    EXPECT_GT(engine_.NextTimer(), now_) << Story();
    CheckStates();
  }

  void Look(const Spawn& action) {
    EXPECT_FALSE(runs_.contains(action.id))
        << "a second generation while the first lives\n"
        << Story();
    runs_[action.id] = Run{.generation = action.generation};
  }
  void Look(const Stop& action) {
    EXPECT_FALSE(engine_.Spec(action.id).external) << Story();
    LookAtStop(action.id);
  }
  void Look(const Kill& action) {
    const auto run = runs_.find(action.id);
    if (run != runs_.end()) run->second.killed = true;
  }
  void Look(const StartProbe& action) {
    EXPECT_TRUE(probed_.insert(action.id).second) << Story();
  }
  void Look(const StopProbe& action) {
    EXPECT_EQ(probed_.erase(action.id), 1u) << Story();
  }
  void Look(const Changed& action) {
    EXPECT_EQ(action.revision, ++revision_) << Story();
    EXPECT_EQ(action.from, before_[action.id]) << Story();
    EXPECT_NE(action.from, action.to) << Story();
    before_[action.id] = action.to;
    const bool begins = action.to == kSpawning ||
                        (action.to == kStarting && action.from == kWaiting);
    if (begins) LookAtStart(action.id);
    causes_[action.id] = action.cause;
    if (action.from == kInactive || action.from == kDone ||
        action.from == kFailed) {
      failures_[Index(action.id)].clear();
    }
    // Once the limit is reached, no run may follow.
    if (action.from == kDraining && action.to == kBackoff &&
        !action.detail.empty()) {
      LookAtFailure(action.id);
    }
  }
  void Look(const GaveUp& action) {
    EXPECT_NE(action.group, kRootGroup) << Story();
    EXPECT_FALSE(action.error.ok()) << Story();
  }
  void Look(const GroupStopped& action) {
    if (action.group == kRootGroup) stopped_ = true;
  }

  void LookAtStart(ServiceId id) {
    for (const ServiceId need : engine_.Spec(id).needs) {
      EXPECT_TRUE(Satisfies(before_[need])) << "started before what it needs\n"
                                            << Story();
    }
  }

  // Whoever is stopped in order has nobody left that needs it.
  void LookAtStop(ServiceId stopped) {
    const Cause cause = causes_[stopped];
    if (cause != Cause::kStopRequested && cause != Cause::kGroupStops &&
        cause != Cause::kDependencyStops) {
      return;
    }
    for (const ServiceId id : ids_) {
      const std::vector<ServiceId>& needs = engine_.Spec(id).needs;
      if (std::count(needs.begin(), needs.end(), stopped) == 0) continue;
      EXPECT_FALSE(IsRunning(before_[id]))
          << "stopped before what needs it: " << engine_.Explain(id, now_)
          << "\n"
          << Story();
    }
  }

  void LookAtFailure(ServiceId id) {
    std::deque<absl::Time>& failures = failures_[Index(id)];
    failures.push_back(now_);
    const RestartRule& rule = engine_.Spec(id).restart;
    while (failures.front() <= now_ - rule.window) failures.pop_front();
    EXPECT_LT(static_cast<int>(failures.size()), rule.max_runs) << Story();
  }

  void CheckStates() {
    int starting = 0;
    for (const ServiceId id : ids_) {
      const ServiceState state = engine_.State(id);
      EXPECT_EQ(state, before_[id]) << "a move without news\n" << Story();
      starting += state == kSpawning || state == kStarting;
      const bool has_deadline = state == kSpawning || state == kStarting ||
                                state == kStopping || state == kKilling ||
                                state == kDraining || state == kBackoff;
      EXPECT_EQ(engine_.Deadline(id) != absl::InfiniteFuture(), has_deadline)
          << state << "\n"
          << Story();
      if (!engine_.Spec(id).external) {
        EXPECT_EQ(runs_.contains(id), IsRunning(state) || state == kStuck)
            << state << "\n"
            << Story();
      }
      EXPECT_FALSE(engine_.Explain(id, now_).empty());
    }
    EXPECT_EQ(starting, engine_.starting_count()) << Story();
    EXPECT_LE(starting, max_starting_) << Story();
  }

  // Everything is asked for once more; nothing fails from now on.
  void CheckThatWorldHeals() {
    for (int i = 0; i < 200 && !Broken(); ++i) Wait();
    for (const ServiceId id : ids_) Send(StartRequested{.id = id});
    for (int i = 0; i < 300 && !Broken(); ++i) Wait();
    for (const ServiceId id : ids_) {
      EXPECT_TRUE(Satisfies(engine_.State(id)))
          << "did not recover: " << engine_.Explain(id, now_) << "\n"
          << Story();
    }
  }

  void Remember(const Action& action) {
    std::ostringstream line;
    line << absl::FormatDuration(now_ - absl::UnixEpoch()) << " " << action;
    story_.push_back(line.str());
    if (story_.size() > 40) story_.pop_front();
  }

  std::string Story() const {
    std::string all = "The last actions:\n";
    for (const std::string& line : story_) all += "  " + line + "\n";
    return all;
  }

  std::mt19937_64 random_;
  const int max_starting_;
  Engine engine_;
  std::vector<ServiceId> ids_;
  absl::Time now_ = absl::UnixEpoch();
  bool faults_ = true;
  bool stopped_ = false;
  uint64_t revision_ = 0;
  std::map<ServiceId, Run> runs_;
  std::set<ServiceId> probed_;
  // The states as the stream of changes tells them.
  std::map<ServiceId, ServiceState> before_;
  // Why each made its latest move.
  std::map<ServiceId, Cause> causes_;
  // By service: the failed runs within the window.
  std::vector<std::deque<absl::Time>> failures_;
  std::deque<std::string> story_;
};

class EngineSimulationTest : public testing::TestWithParam<int> {};

TEST_P(EngineSimulationTest, KeepsItsPromises) {
  for (int i = 0; i < 10 && !HasFailure(); ++i) {
    Simulation(static_cast<uint64_t>(GetParam()) * 10 + i).RunAll();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, EngineSimulationTest, testing::Range(0, 30));

}  // namespace
}  // namespace espalier
