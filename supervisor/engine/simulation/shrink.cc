#include "supervisor/engine/simulation/shrink.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace espalier::simulation {
namespace {

void RemoveFrom(std::vector<ServiceId>& services, ServiceId id) {
  std::erase(services, id);
  for (ServiceId& other : services) {
    if (other > id) other = ServiceId{static_cast<uint32_t>(Index(other) - 1)};
  }
}

Scenario WithoutService(Scenario scenario, size_t index) {
  const ServiceId id{static_cast<uint32_t>(index)};
  scenario.services.erase(scenario.services.begin() +
                          static_cast<ptrdiff_t>(index));
  for (ServiceSpec& spec : scenario.services) {
    RemoveFrom(spec.needs, id);
    RemoveFrom(spec.start_needs, id);
  }
  const auto of_group = [](const Act& act) { return IsAboutAGroup(act.kind); };
  std::erase_if(scenario.acts, [&](const Act& act) {
    return !of_group(act) && act.service == id;
  });
  for (Act& act : scenario.acts) {
    if (of_group(act) || act.service < id) continue;
    act.service = ServiceId{static_cast<uint32_t>(Index(act.service) - 1)};
  }
  return scenario;
}

// Its services and groups come into its parent.
Scenario WithoutGroup(Scenario scenario, size_t index) {
  const size_t number = index + 1;
  const GroupId parent = scenario.groups[index].parent;
  const auto mend = [&](GroupId& group) {
    if (Index(group) == number) {
      group = parent;
    } else if (Index(group) > number) {
      group = GroupId{static_cast<uint32_t>(Index(group) - 1)};
    }
  };
  scenario.groups.erase(scenario.groups.begin() +
                        static_cast<ptrdiff_t>(index));
  if (index < scenario.body_runs.size()) {
    scenario.body_runs.erase(scenario.body_runs.begin() +
                             static_cast<ptrdiff_t>(index));
  }
  for (GroupSpec& group : scenario.groups) mend(group.parent);
  for (ServiceSpec& service : scenario.services) mend(service.group);
  for (Act& act : scenario.acts) {
    if (!IsAboutAGroup(act.kind)) continue;
    GroupId group{static_cast<uint32_t>(Index(act.service))};
    mend(group);
    act.service = ServiceId{static_cast<uint32_t>(Index(group))};
  }
  return scenario;
}

class Shrinker {
 public:
  Shrinker(Scenario scenario, const std::function<bool(const Scenario&)>& fails,
           int trials)
      : best_(std::move(scenario)), fails_(fails), trials_(trials) {}

  Scenario Run() && {
    bool smaller = true;
    while (smaller && trials_ > 0) {
      smaller = LeaveOutActs();
      smaller |= LeaveOutServices();
      smaller |= LeaveOutBodies();
      smaller |= LeaveOutGroups();
      smaller |= LeaveOutNeeds();
      smaller |= LeaveOutPauses();
    }
    return std::move(best_);
  }

 private:
  bool Try(Scenario scenario) {
    if (trials_-- <= 0 || !fails_(scenario)) return false;
    best_ = std::move(scenario);
    return true;
  }

  // Half of them, then quarters, down to single ones.
  bool LeaveOutActs() {
    bool smaller = false;
    for (size_t chunk = best_.acts.size() / 2; chunk > 0; chunk /= 2) {
      for (size_t at = best_.acts.size(); at > 0;) {
        at = std::min(at, best_.acts.size());
        const size_t from = at > chunk ? at - chunk : 0;
        Scenario without = best_;
        // Later acts keep their times.
        absl::Duration passed = absl::ZeroDuration();
        for (size_t i = from; i < at; ++i) passed += without.acts[i].after;
        if (at < without.acts.size()) without.acts[at].after += passed;
        without.acts.erase(without.acts.begin() + static_cast<ptrdiff_t>(from),
                           without.acts.begin() + static_cast<ptrdiff_t>(at));
        smaller |= Try(std::move(without));
        at = from;
      }
    }
    return smaller;
  }

  bool LeaveOutServices() {
    bool smaller = false;
    for (size_t i = best_.services.size(); i-- > 0;) {
      if (best_.services.size() == 1) break;
      smaller |= Try(WithoutService(best_, i));
    }
    return smaller;
  }

  bool LeaveOutBodies() {
    bool smaller = false;
    for (size_t i = best_.body_runs.size(); i-- > 0;) {
      if (best_.body_runs[i] == 0) continue;
      Scenario without = best_;
      without.body_runs[i] = 0;
      smaller |= Try(std::move(without));
    }
    return smaller;
  }

  bool LeaveOutGroups() {
    bool smaller = false;
    for (size_t i = best_.groups.size(); i-- > 0;) {
      smaller |= Try(WithoutGroup(best_, i));
    }
    return smaller;
  }

  bool LeaveOutNeeds() {
    bool smaller = false;
    for (size_t i = 0; i < best_.services.size(); ++i) {
      for (const auto needs :
           {&ServiceSpec::needs, &ServiceSpec::start_needs}) {
        for (size_t k = (best_.services[i].*needs).size(); k-- > 0;) {
          Scenario without = best_;
          auto& list = without.services[i].*needs;
          list.erase(list.begin() + static_cast<ptrdiff_t>(k));
          smaller |= Try(std::move(without));
        }
      }
    }
    return smaller;
  }

  bool LeaveOutPauses() {
    bool smaller = false;
    for (size_t i = 0; i < best_.acts.size(); ++i) {
      if (best_.acts[i].after == absl::ZeroDuration()) continue;
      Scenario without = best_;
      without.acts[i].after = absl::ZeroDuration();
      smaller |= Try(std::move(without));
    }
    return smaller;
  }

  Scenario best_;
  const std::function<bool(const Scenario&)>& fails_;
  int trials_;
};

}  // namespace

Scenario Shrink(Scenario scenario,
                const std::function<bool(const Scenario&)>& fails,
                int most_trials) {
  return Shrinker(std::move(scenario), fails, most_trials).Run();
}

}  // namespace espalier::simulation
