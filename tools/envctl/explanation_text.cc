#include "tools/envctl/explanation_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace espalier {
namespace {

// Keeps the order in which the fields are written here.
using Json = nlohmann::ordered_json;

// "0.8 s", "5m3s", "26h4m": finer is of no interest.
std::string About(absl::Duration duration) {
  if (duration < absl::Minutes(1)) {
    return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(duration));
  }
  const absl::Duration unit =
      duration < absl::Hours(1) ? absl::Seconds(1) : absl::Minutes(1);
  return absl::FormatDuration(absl::Trunc(duration, unit));
}

std::string Line(absl::string_view what, absl::string_view text) {
  return absl::StrFormat("  %-10s%s\n", what, text);
}

std::string Paragraph(const Explanation& it) {
  const ServiceSnapshot& service = it.service;
  std::string text = absl::StrCat(service.name, ": ", service.state,
                                  service.frozen ? " (frozen)" : "");
  if (it.age > absl::ZeroDuration()) {
    absl::StrAppend(&text, " for ", About(it.age));
  }
  absl::StrAppend(&text, " (", it.cause, ")\n", Line("next", it.next));
  if (!it.waits_for.empty()) {
    absl::StrAppend(&text,
                    Line("waits for", absl::StrJoin(it.waits_for, ", ")));
  }
  if (it.failures > 0) {
    absl::StrAppend(
        &text, Line("failures",
                    absl::StrCat(it.failures, " of ", it.max_failures,
                                 " within ", absl::FormatDuration(it.window))));
  }
  if (!service.status.empty()) {
    absl::StrAppend(&text, Line("status", service.status));
  }
  if (!it.last_exit.empty()) {
    absl::StrAppend(&text, Line("last exit", it.last_exit));
  }
  if (service.pid != 0) {
    absl::StrAppend(&text, Line("process", absl::StrCat(service.pid, ", run ",
                                                        service.generation)));
  }
  if (!service.log_file.empty()) {
    absl::StrAppend(&text, Line("log", service.log_file));
  }
  return text;
}

Json ToJson(const Explanation& it) {
  Json json = {{"service", it.service.name},
               {"state", it.service.state},
               {"frozen", it.service.frozen},
               {"status", it.service.status},
               {"for_s", absl::ToDoubleSeconds(it.age)},
               {"cause", it.cause},
               {"why", it.service.why},
               {"next", it.next},
               {"next_in_s", Json()},
               {"waits_for", it.waits_for},
               {"failures", it.failures},
               {"max_failures", it.max_failures},
               {"window_s", absl::ToDoubleSeconds(it.window)},
               {"last_exit", Json()},
               {"generation", it.service.generation},
               {"pid", Json()},
               {"log_file", it.service.log_file}};
  if (it.next_in.has_value()) {
    json["next_in_s"] = absl::ToDoubleSeconds(*it.next_in);
  }
  if (!it.last_exit.empty()) json["last_exit"] = it.last_exit;
  if (it.service.pid != 0) json["pid"] = it.service.pid;
  return json;
}

}  // namespace

std::string ExplanationText(const std::vector<Explanation>& chain) {
  std::string text;
  if (!chain.empty()) absl::StrAppend(&text, chain.front().service.why, "\n");
  for (const Explanation& explanation : chain) {
    absl::StrAppend(&text, "\n", Paragraph(explanation));
  }
  return text;
}

std::string ExplanationJson(const std::vector<Explanation>& chain) {
  Json json = {{"why", chain.empty() ? "" : chain.front().service.why},
               {"chain", Json::array()}};
  for (const Explanation& explanation : chain) {
    json["chain"].push_back(ToJson(explanation));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace espalier
