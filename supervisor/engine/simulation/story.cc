#include "supervisor/engine/simulation/story.h"

#include <sstream>
#include <type_traits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "supervisor/engine/simulation/coverage.h"

namespace espalier::simulation {
namespace {

std::string Name(const Scenario& scenario, ServiceId id) {
  return scenario.services[Index(id)].name;
}

std::string Name(const Scenario& scenario, GroupId id) {
  if (id == kRootGroup) return "the root group";
  return scenario.groups[Index(id) - 1].name;
}

std::string Names(const Scenario& scenario,
                  const std::vector<ServiceId>& services) {
  return absl::StrJoin(services, ", ", [&](std::string* out, ServiceId id) {
    out->append(Name(scenario, id));
  });
}

template <typename T>
std::string Detail(const T& event) {
  if constexpr (requires { event.result; }) {
    return absl::StrCat(": ", event.result.ToString());
  } else if constexpr (requires { event.stage; }) {
    return absl::StrCat(": ", event.stage, ", errno ", event.error);
  } else if constexpr (requires { event.complaint; }) {
    return absl::StrCat(": ", event.complaint);
  } else if constexpr (requires { event.awaited; }) {
    return event.awaited ? ", awaited" : "";
  } else if constexpr (requires { event.max_starting; }) {
    return absl::StrCat(": ", event.max_starting);
  } else if constexpr (requires { event.stalled; }) {
    return absl::StrCat(": ", event.stalled);
  } else {
    return "";
  }
}

template <typename T>
std::string Whom(const Scenario& scenario, const T& event) {
  std::string whom;
  if constexpr (requires { event.group; }) {
    whom = Name(scenario, event.group);
  }
  if constexpr (requires { event.id; }) {
    whom = Name(scenario, event.id);
  }
  if constexpr (requires { event.generation; }) {
    absl::StrAppend(&whom, "#", event.generation);
  }
  return whom;
}

std::string Rules(const ServiceSpec& spec) {
  constexpr const char* kWhen[] = {"always", "on failure", "never"};
  return absl::StrCat("restarts ", kWhen[static_cast<int>(spec.restart.when)],
                      ", ", spec.restart.max_runs, " within ",
                      absl::FormatDuration(spec.restart.window), ", grace ",
                      absl::FormatDuration(spec.stop.grace), ", start timeout ",
                      absl::FormatDuration(spec.start_timeout), ", ",
                      spec.liveness_failures, " failed probes");
}

}  // namespace

std::string Describe(const Scenario& scenario, const ServiceSpec& spec) {
  std::string text = absl::StrCat(
      "service ", spec.name, " in ", Name(scenario, spec.group),
      spec.one_shot ? ", one-shot" : "", spec.external ? ", external" : "");
  if (!spec.needs.empty()) {
    absl::StrAppend(&text, ", needs ", Names(scenario, spec.needs));
  }
  if (!spec.start_needs.empty()) {
    absl::StrAppend(&text, ", at its start ",
                    Names(scenario, spec.start_needs));
  }
  return absl::StrCat(text, "; ", Rules(spec));
}

std::string Describe(const Scenario& scenario) {
  std::string all = absl::StrCat("seed ", scenario.seed, ", at most ",
                                 scenario.max_starting, " start at a time\n");
  for (size_t i = 0; i < scenario.groups.size(); ++i) {
    const GroupSpec& group = scenario.groups[i];
    const int runs = i < scenario.body_runs.size() ? scenario.body_runs[i] : 0;
    absl::StrAppend(
        &all, "group ", group.name, " in ", Name(scenario, group.parent), ", ",
        std::string(StrategyName(group.strategy)),
        group.awaited ? ", awaited" : "", ", ", group.restart.max_runs,
        " within ", absl::FormatDuration(group.restart.window),
        runs == 0 ? "" : absl::StrCat(", run again ", runs, " times"), "\n");
  }
  for (const ServiceSpec& spec : scenario.services) {
    absl::StrAppend(&all, Describe(scenario, spec), "\n");
  }
  return all;
}

std::string Describe(const Scenario& scenario, const Event& event,
                     absl::Time now) {
  const std::string text = std::visit(
      [&](const auto& one) {
        return absl::StrCat(Whom(scenario, one), Detail(one));
      },
      event);
  return absl::StrFormat("%10.3f s  %s %s",
                         absl::ToDoubleSeconds(now - absl::UnixEpoch()),
                         std::string(Coverage::EventName(event.index())), text);
}

std::string Describe(const Scenario& scenario, const Action& action) {
  constexpr const char* kIndent = "                ";
  if (const auto* change = std::get_if<Changed>(&action)) {
    std::ostringstream moves;
    moves << change->from << " -> " << change->to << " (" << change->cause
          << ")";
    return absl::StrCat(kIndent, Whom(scenario, *change), " ", moves.str(),
                        change->detail.empty() ? "" : ": ", change->detail);
  }
  if (const auto* news = std::get_if<GaveUp>(&action)) {
    return absl::StrCat(kIndent, Whom(scenario, *news),
                        " gives up: ", news->error.message());
  }
  if (const auto* news = std::get_if<GroupStopped>(&action)) {
    return absl::StrCat(kIndent, Whom(scenario, *news),
                        " has stopped: ", news->status.ToString());
  }
  constexpr const char* kOrders[] = {"spawn", "stop", "kill", "probe",
                                     "stop the probe of"};
  return std::visit(
      [&](const auto& order) {
        return absl::StrCat(kIndent, kOrders[action.index()], " ",
                            Whom(scenario, order));
      },
      action);
}

}  // namespace espalier::simulation
