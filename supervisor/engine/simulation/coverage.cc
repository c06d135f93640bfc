#include "supervisor/engine/simulation/coverage.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace espalier::simulation {
namespace {

constexpr std::array<std::string_view, Coverage::kEvents> kNames = {
    "StartRequested", "StopRequested", "RestartRequested",
    "ResetRequested", "StopGroup",     "GroupFailed",
    "StopAll",        "KillAll",       "Spawned",
    "SpawnFailed",    "BecameReady",   "ProbeFailed",
    "ProbePassed",    "Exited",        "Drained",
    "KeeperLost",     "MaxStarting",   "Pressure",
    "Tick",
};

template <typename E, size_t index = 0>
constexpr size_t IndexOf() {
  if constexpr (std::is_same_v<std::variant_alternative_t<index, Event>, E>) {
    return index;
  } else {
    return IndexOf<E, index + 1>();
  }
}

}  // namespace

void Coverage::Note(const Engine& engine, const Event& event, absl::Time now) {
  const auto note = [&](ServiceId id) {
    ++met_[static_cast<size_t>(engine.State(id))][event.index()];
  };
  const auto note_all = [&](auto wanted) {
    for (size_t i = 0; i < engine.service_count(); ++i) {
      const ServiceId id{static_cast<uint32_t>(i)};
      if (wanted(id)) note(id);
    }
  };
  std::visit(
      [&](const auto& one) {
        if constexpr (requires { one.generation; }) {
          if (one.generation == engine.CurrentGeneration(one.id)) note(one.id);
        } else if constexpr (requires { one.id; }) {
          note(one.id);
        } else if constexpr (requires { one.group; }) {
          note_all(
              [&](ServiceId id) { return engine.Spec(id).group == one.group; });
        } else if constexpr (std::is_same_v<decltype(one), const Tick&>) {
          note_all([&](ServiceId id) { return engine.Deadline(id) <= now; });
        } else {
          note_all([](ServiceId) { return true; });
        }
      },
      event);
}

void Coverage::Add(const Coverage& other) {
  for (size_t state = 0; state < met_.size(); ++state) {
    for (size_t event = 0; event < kEvents; ++event) {
      met_[state][event] += other.met_[state][event];
    }
  }
}

std::string_view Coverage::EventName(size_t event) { return kNames[event]; }

std::string_view Coverage::WhyUnreachable(ServiceState state, size_t event) {
  using enum ServiceState;
  if (event == IndexOf<Tick>()) {
    if (state == kInactive || state == kWaiting || state == kBlocked ||
        state == kStuck || state == kDone || state == kFailed) {
      return "the state has no deadline, and so no timer";
    }
  }
  if (state == kSpawning &&
      (event == IndexOf<BecameReady>() || event == IndexOf<ProbeFailed>() ||
       event == IndexOf<ProbePassed>())) {
    return "a run is probed only when it has been spawned";
  }
  if (event == IndexOf<SpawnFailed>() &&
      (state == kStarting || state == kReady || state == kDraining ||
       state == kStuck || state == kDone)) {
    return "a run that was spawned, or has ended, has not failed to spawn";
  }
  return "";
}

std::vector<std::string> Coverage::Missing() const {
  std::vector<std::string> pairs;
  for (const ServiceState state : kAllServiceStates) {
    for (size_t event = 0; event < kEvents; ++event) {
      if (Count(state, event) > 0) continue;
      if (!WhyUnreachable(state, event).empty()) continue;
      pairs.push_back(absl::StrCat(std::string(ServiceStateName(state)), ", ",
                                   std::string(EventName(event))));
    }
  }
  return pairs;
}

std::vector<std::string> Coverage::Unexpected() const {
  std::vector<std::string> pairs;
  for (const ServiceState state : kAllServiceStates) {
    for (size_t event = 0; event < kEvents; ++event) {
      if (Count(state, event) == 0) continue;
      if (WhyUnreachable(state, event).empty()) continue;
      pairs.push_back(absl::StrCat(std::string(ServiceStateName(state)), ", ",
                                   std::string(EventName(event))));
    }
  }
  return pairs;
}

std::string Coverage::ToString() const {
  std::string table = absl::StrFormat("%-16s", "");
  for (const ServiceState state : kAllServiceStates) {
    absl::StrAppendFormat(&table, " %9s", std::string(ServiceStateName(state)));
  }
  table += "\n";
  for (size_t event = 0; event < kEvents; ++event) {
    absl::StrAppendFormat(&table, "%-16s", std::string(EventName(event)));
    for (const ServiceState state : kAllServiceStates) {
      if (WhyUnreachable(state, event).empty()) {
        absl::StrAppendFormat(&table, " %9d", Count(state, event));
      } else {
        absl::StrAppendFormat(&table, " %9s", "-");
      }
    }
    table += "\n";
  }
  return table;
}

}  // namespace espalier::simulation
