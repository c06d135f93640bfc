#include "tools/envctl/service_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "nlohmann/json.hpp"
#include "supervisor/environment/table.h"
#include "supervisor/wiring/handle_json.h"

namespace espalier {
namespace {

// Keeps the order in which the fields are written here.
using Json = nlohmann::ordered_json;

// In seconds below an hour, then coarser: "12s", "3m5s", "2h5m", "3d4h".
std::string Elapsed(absl::Time since, absl::Time now) {
  if (since == absl::InfinitePast()) return "";
  const absl::Duration elapsed = std::max(now - since, absl::ZeroDuration());
  const int64_t seconds = absl::ToInt64Seconds(elapsed);
  if (seconds < 60) return absl::StrCat(seconds, "s");
  if (seconds < 3600) return absl::StrCat(seconds / 60, "m", seconds % 60, "s");
  const int64_t hours = seconds / 3600;
  if (hours < 24) return absl::StrCat(hours, "h", seconds / 60 % 60, "m");
  return absl::StrCat(hours / 24, "d", hours % 24, "h");
}

std::string Timestamp(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

// Of a service of ours that is ready, whose state says it all, what it says of
// itself.
std::string ShortWhy(const ServiceSnapshot& service) {
  const bool is_ours = !service.log_file.empty();
  return service.state == "READY" && is_ours ? service.status
                                             : FirstLine(service.why);
}

std::string StateOf(const ServiceSnapshot& service) {
  return service.frozen ? service.state + " (frozen)" : service.state;
}

Json ToJson(const ServiceSnapshot& service) {
  Json json = {{"name", service.name},
               {"state", service.state},
               {"frozen", service.frozen},
               {"status", service.status},
               {"generation", service.generation},
               {"restarts", service.restarts},
               {"why", service.why},
               {"needs", service.needs},
               {"needs_at_start", service.needs_at_start},
               {"log_file", service.log_file}};
  json["pid"] = service.pid == 0 ? Json() : Json(service.pid);
  json["since"] = service.since == absl::InfinitePast()
                      ? Json()
                      : Json(Timestamp(service.since));
  json["handle"] =
      service.handle.has_value() ? HandleJson(*service.handle) : Json();
  json["endpoints"] = Json::object();
  for (const ServiceSnapshot::Endpoint& endpoint : service.endpoints) {
    json["endpoints"][endpoint.name] = endpoint.url;
  }
  return json;
}

Json ToJson(const LockHolder& environment) {
  return {{"environment", environment.environment},
          {"instance", environment.instance},
          {"pid", environment.pid},
          {"since", Timestamp(environment.since)},
          {"command_line", environment.command_line},
          {"state_directory", environment.state_directory},
          {"control_socket", environment.control_socket}};
}

// Bytes that are no UTF-8, in a command line say, are replaced, not refused.
std::string Print(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string ServiceTable(const std::vector<ServiceSnapshot>& services,
                         absl::Time now, std::optional<int> width) {
  std::vector<std::vector<std::string>> rows;
  for (const ServiceSnapshot& service : services) {
    std::vector<std::string> urls;
    for (const ServiceSnapshot::Endpoint& endpoint : service.endpoints) {
      urls.push_back(endpoint.url);
    }
    rows.push_back({service.name, StateOf(service), Elapsed(service.since, now),
                    service.pid == 0 ? "" : absl::StrCat(service.pid),
                    absl::StrCat(service.restarts), absl::StrJoin(urls, " "),
                    ShortWhy(service)});
  }
  return RenderTable(
      {"SERVICE", "STATE", "FOR", "PID", "RESTARTS", "ENDPOINTS", "WHY"}, rows,
      width);
}

std::string ServicesJson(const LockHolder& environment,
                         const std::vector<ServiceSnapshot>& services,
                         const std::vector<std::string>& notes) {
  Json json = {{"environment", environment.environment},
               {"instance", environment.instance},
               {"notes", notes},
               {"services", Json::array()}};
  for (const ServiceSnapshot& service : services) {
    json["services"].push_back(ToJson(service));
  }
  return Print(json);
}

std::string EnvironmentTable(const std::vector<LockHolder>& environments,
                             absl::Time now, std::optional<int> width) {
  std::vector<std::vector<std::string>> rows;
  for (const LockHolder& environment : environments) {
    rows.push_back({environment.environment, environment.instance,
                    Elapsed(environment.since, now),
                    absl::StrCat(environment.pid),
                    environment.state_directory});
  }
  return RenderTable({"ENVIRONMENT", "INSTANCE", "FOR", "PID", "STATE"}, rows,
                     width);
}

std::string EnvironmentsJson(const std::vector<LockHolder>& environments) {
  Json json = Json::array();
  for (const LockHolder& environment : environments) {
    json.push_back(ToJson(environment));
  }
  return Print(json);
}

}  // namespace espalier
