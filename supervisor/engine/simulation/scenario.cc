#include "supervisor/engine/simulation/scenario.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/engine/simulation/random.h"

namespace espalier::simulation {
namespace {

struct Weight {
  ActKind kind;
  int weight;
};

// Faults that need an occasion, or a service in a certain state, are tried more
// often, so that all take effect about equally often.
constexpr std::array kWeights = {
    Weight{ActKind::kCrash, 6},
    Weight{ActKind::kCleanExit, 5},
    Weight{ActKind::kPermanentExit, 4},
    Weight{ActKind::kOomKill, 4},
    Weight{ActKind::kManyDie, 4},
    Weight{ActKind::kProbesFail, 8},
    Weight{ActKind::kStaleNews, 4},
    Weight{ActKind::kDuplicateNews, 4},
    Weight{ActKind::kPressure, 2},
    Weight{ActKind::kCrashAtStart, 5},
    Weight{ActKind::kExitBeforeSpawned, 5},
    Weight{ActKind::kSpawnFails, 4},
    Weight{ActKind::kSpawnImpossible, 3},
    Weight{ActKind::kSpawnHangs, 4},
    Weight{ActKind::kNeverReady, 5},
    Weight{ActKind::kIgnoresStop, 8},
    Weight{ActKind::kSurvivesKill, 10},
    Weight{ActKind::kTreeLingers, 8},
    Weight{ActKind::kTreeFirst, 6},
    Weight{ActKind::kStart, 22},
    Weight{ActKind::kAwaitedStart, 12},
    Weight{ActKind::kStop, 6},
    Weight{ActKind::kRestart, 12},
    Weight{ActKind::kReset, 2},
    Weight{ActKind::kStopGroup, 1},
    Weight{ActKind::kFailGroup, 1},
    Weight{ActKind::kReplace, 3},
    Weight{ActKind::kSetMaxStarting, 1},
};

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) { scenario_.seed = seed; }

  // All that a service may be made with, but for its name and place.
  void Fill(ServiceSpec& spec, int number) {
    const int needs = number == 0 ? 0 : random_.Between(0, 3);
    for (int i = 0; i < needs; ++i) {
      // Near ones make long chains, far ones make stars.
      const int far = random_.OneIn(2) ? number : std::min(number, 4);
      const ServiceId need = Id(number - random_.Between(1, far));
      (random_.OneIn(4) ? spec.start_needs : spec.needs).push_back(need);
    }
    spec.one_shot = random_.OneIn(6);
    spec.external = !spec.one_shot && random_.OneIn(10);
    spec.restart = Rule();
    constexpr std::array kGraces = {0, 100, 1000, 10'000};
    spec.stop.grace = absl::Milliseconds(kGraces[random_.Pick(kGraces.size())]);
    spec.liveness_failures = random_.Between(1, 3);
    constexpr std::array kTimeouts = {2, 10, 60};
    spec.start_timeout =
        absl::Seconds(kTimeouts[random_.Pick(kTimeouts.size())]);
    if (random_.OneIn(20)) spec.start_timeout = absl::InfiniteDuration();
  }

  Scenario Make() && {
    const int size = Size();
    if (random_.OneIn(2)) scenario_.max_starting = random_.Between(1, 8);
    AddGroups(random_.Between(0, size < 13 ? 3 : 12));
    for (int i = 0; i < size; ++i) AddService(i);
    // What was asked for at the beginning of most environments: everything.
    if (!random_.OneIn(4)) {
      for (int i = 0; i < size; ++i) {
        scenario_.acts.push_back({.kind = ActKind::kStart, .service = Id(i)});
      }
    }
    AddActs(std::min(100 + 2 * size, 400));
    constexpr std::array kEndings = {Ending::kHeal, Ending::kHeal,
                                     Ending::kStopAll, Ending::kKillAll,
                                     Ending::kKeeperLost};
    scenario_.ending = kEndings[random_.Pick(kEndings.size())];
    return std::move(scenario_);
  }

 private:
  static ServiceId Id(int number) {
    return ServiceId{static_cast<uint32_t>(number)};
  }

  int Size() {
    const uint64_t kind = random_.Pick(200);
    if (kind < 150) return random_.Between(1, 12);
    if (kind < 190) return random_.Between(13, 50);
    if (kind < 199) return random_.Between(51, 200);
    return random_.Between(201, 500);
  }

  RestartRule Rule() {
    RestartRule rule = {.when = static_cast<RestartWhen>(
                            std::min<uint64_t>(2, random_.Pick(8)))};
    // Mostly "always", as services are.
    rule.when = random_.OneIn(3) ? rule.when : RestartWhen::kAlways;
    if (random_.OneIn(2)) rule.max_runs = random_.Between(1, 8);
    if (random_.OneIn(4)) rule.window = absl::Seconds(random_.Between(10, 90));
    if (random_.OneIn(4)) rule.initial_delay = absl::ZeroDuration();
    if (random_.OneIn(4)) rule.ready_for_reset = absl::Milliseconds(20);
    return rule;
  }

  void AddGroups(int count) {
    for (int i = 0; i < count; ++i) {
      scenario_.groups.push_back(
          {.name = absl::StrCat("g", i + 1),
           .parent = GroupId{static_cast<uint32_t>(random_.Pick(i + 1))},
           .strategy = static_cast<Strategy>(random_.Pick(4)),
           .restart = Rule(),
           // What is not awaited fails its parent, up to the end of everything.
           .awaited = !random_.OneIn(6)});
      // Only who awaits a group can run it again.
      const bool again = scenario_.groups.back().awaited && !random_.OneIn(3);
      scenario_.body_runs.push_back(again ? random_.Between(1, 6) : 0);
    }
  }

  void AddService(int number) {
    // Without groups, the first failure ends everything.
    const bool in_root = scenario_.groups.empty() || random_.OneIn(40);
    ServiceSpec spec = {
        .name = absl::StrCat("s", number),
        .group = in_root ? kRootGroup
                         : GroupId{static_cast<uint32_t>(
                               1 + random_.Pick(scenario_.groups.size()))}};
    Fill(spec, number);
    scenario_.services.push_back(std::move(spec));
  }

  ActKind Kind() {
    static const int all = [] {
      int sum = 0;
      for (const Weight& weight : kWeights) sum += weight.weight;
      return sum;
    }();
    int left = static_cast<int>(random_.Pick(all));
    for (const Weight& weight : kWeights) {
      left -= weight.weight;
      if (left < 0) return weight.kind;
    }
    return ActKind::kStart;
  }

  void AddActs(int count) {
    // A few services get most of it, or large environments would never see two
    // things happen to the same one.
    const int size = static_cast<int>(scenario_.services.size());
    for (int i = 0; i < count; ++i) {
      Act act = {.kind = Kind(),
                 .number = static_cast<uint32_t>(random_.Pick(1'000'000))};
      constexpr std::array kPauses = {0, 1, 20, 300, 4000};
      act.after = random_.UpTo(
          absl::Milliseconds(kPauses[random_.Pick(kPauses.size())]));
      act.service = Id(static_cast<int>(
          random_.Pick(random_.OneIn(4) ? size : std::min(size, 8))));
      if (IsAboutAGroup(act.kind)) {
        act.service = Id(
            static_cast<int>(scenario_.groups.empty()
                                 ? 0
                                 : 1 + random_.Pick(scenario_.groups.size())));
      }
      scenario_.acts.push_back(act);
    }
  }

  Random random_;
  Scenario scenario_;
};

}  // namespace

Scenario MakeScenario(uint64_t seed) { return Maker(seed).Make(); }

ServiceSpec MakeReplacement(const ServiceSpec& spec, ServiceId id,
                            uint64_t number) {
  ServiceSpec other = {.name = spec.name, .group = spec.group};
  Maker(number).Fill(other, static_cast<int>(Index(id)));
  // Who runs it does not change.
  other.external = spec.external;
  if (spec.external) other.one_shot = false;
  return other;
}

}  // namespace espalier::simulation
