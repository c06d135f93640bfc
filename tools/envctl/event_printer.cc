#include "tools/envctl/event_printer.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"

namespace espalier {
namespace {

using journal::v1::Event;
using journal::v1::Exit;
using journal::v1::FreezeChange;
using journal::v1::GroupTransition;
using journal::v1::Transition;
// Keeps the order in which the fields are written here.
using Json = nlohmann::ordered_json;

std::string Because(const Transition& move) {
  return absl::StrCat(move.cause(), move.detail().empty() ? "" : ": ",
                      move.detail());
}

Json ToJson(const Exit& exit) {
  switch (exit.kind()) {
    case Exit::EXITED:
      return {{"kind", "exited"}, {"code", exit.code()}};
    case Exit::SIGNALED:
      return {{"kind", "signaled"},
              {"signal", exit.signal()},
              {"core_dumped", exit.core_dumped()}};
    case Exit::OOM_KILLED:
      return {{"kind", "oom_killed"}, {"signal", exit.signal()}};
    default:
      return {{"kind", "lost"}};
  }
}

Json ToJson(const Event& event) {
  Json json = {{"revision", event.revision()},
               {"time", absl::FormatTime(absl::RFC3339_full,
                                         absl::FromUnixMicros(event.time_us()),
                                         absl::UTCTimeZone())},
               {"monotonic_us", event.monotonic_us()}};
  if (event.has_transition()) {
    const Transition& move = event.transition();
    json["event"] = "transition";
    json["service"] = move.service();
    json["generation"] = move.generation();
    json["from"] = move.from();
    json["to"] = move.to();
    json["cause"] = move.cause();
    json["detail"] = move.detail();
    json["exit"] = move.has_exit() ? ToJson(move.exit()) : Json();
    json["change"] = move.change();
  } else if (event.has_run_began()) {
    json["event"] = "run_began";
    json["run_id"] = event.run_began().run_id();
    json["pid"] = event.run_began().pid();
  } else if (event.has_run_ended()) {
    json["event"] = "run_ended";
    json["error"] = event.run_ended().error();
  } else if (event.has_group_transition()) {
    const GroupTransition& move = event.group_transition();
    json["event"] = "group_transition";
    json["group"] = move.group();
    json["run"] = move.run();
    json["from"] = move.from();
    json["to"] = move.to();
    json["detail"] = move.detail();
  } else if (event.has_freeze_change()) {
    const FreezeChange& change = event.freeze_change();
    json["event"] = change.frozen() ? "frozen" : "thawed";
    json["service"] = change.service();
    json["generation"] = change.generation();
  } else {
    json["event"] = "unknown";
  }
  return json;
}

}  // namespace

std::string EventPrinter::Format(const Event& event) {
  const int64_t before = std::exchange(revision_, event.revision());
  if (options_.json) {
    return ToJson(event).dump(-1, ' ', false, Json::error_handler_t::replace) +
           "\n";
  }
  const std::string gap =
      options_.all && before != 0 && event.revision() > before + 1
          ? absl::StrCat("(events ", before + 1, " to ", event.revision() - 1,
                         " are missing: they could not be written, or are "
                         "damaged)\n")
          : "";
  return absl::StrCat(
      gap,
      absl::FormatTime("%Y-%m-%d %H:%M:%E3S",
                       absl::FromUnixMicros(event.time_us()), options_.zone),
      absl::StrFormat("%7d ", event.revision()), Text(event), "\n");
}

std::string EventPrinter::Text(const Event& event) {
  if (event.has_transition()) {
    const Transition& move = event.transition();
    const std::string run = move.generation() == 0
                                ? ""
                                : absl::StrCat("run ", move.generation(), ", ");
    return absl::StrFormat("%-12s %-8s -> %-8s  %s%s", move.service(),
                           move.from(), move.to(), run, Because(move));
  }
  if (event.has_group_transition()) {
    const GroupTransition& move = event.group_transition();
    return absl::StrFormat("%-12s %-8s -> %-8s  group, run %d%s%s",
                           move.group(), move.from(), move.to(), move.run(),
                           move.detail().empty() ? "" : ": ", move.detail());
  }
  if (event.has_freeze_change()) {
    const FreezeChange& change = event.freeze_change();
    return absl::StrFormat(
        "%-12s %-20s  run %d, %s requested", change.service(),
        change.frozen() ? "frozen" : "thawed", change.generation(),
        change.frozen() ? "freeze" : "thaw");
  }
  const std::string name = absl::StrFormat("%-12s ", options_.name);
  if (event.has_run_began()) {
    const bool killed = std::exchange(runs_, true);
    return absl::StrCat(name, "started, pid ", event.run_began().pid(),
                        killed ? "; the one before was killed" : "");
  }
  runs_ = false;
  if (!event.has_run_ended()) return absl::StrCat(name, "an unknown event");
  const std::string& error = event.run_ended().error();
  return absl::StrCat(name, "ended", error.empty() ? "" : ": ", error);
}

absl::StatusOr<Since> ParseSince(absl::string_view text, absl::Time now,
                                 absl::TimeZone zone) {
  Since since;
  if (absl::SimpleAtoi(text, &since.revision) && since.revision >= 0) {
    return since;
  }
  absl::Duration ago;
  if (absl::ParseDuration(text, &ago) && ago >= absl::ZeroDuration()) {
    return Since{.time = now - ago};
  }
  const std::string today =
      absl::FormatTime(text.empty() ? "" : "%Y-%m-%d ", now, zone);
  for (const std::string& whole :
       {std::string(text), absl::StrCat(today, text)}) {
    for (const char* format :
         {"%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d %H:%M", "%Y-%m-%d",
          "%Y-%m-%d%ET%H:%M:%E*S%Ez", "%Y-%m-%d%ET%H:%M:%E*S"}) {
      std::string error;
      if (absl::ParseTime(format, whole, zone, &since.time, &error)) {
        return Since{.time = since.time};
      }
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--since takes a revision (1234) or a time (10m, 14:05, \"2026-11-24 "
      "14:05:30\"), not `",
      text, "`"));
}

}  // namespace espalier
