#include "supervisor/environment/plan.h"

#include <cstring>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "nlohmann/json.hpp"
#include "supervisor/backend/plan/plan_backend.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/environment_run.h"
#include "supervisor/nursery/runtime.h"

namespace espalier {
namespace {

std::string Line(absl::string_view program, const std::vector<Text>& arguments,
                 const Backend& backend) {
  std::string line(program);
  for (const Text& argument : arguments)
    absl::StrAppend(&line, " ", backend.Show(argument));
  return line;
}

std::string Line(const ProbeCommand& probe, const Backend& backend) {
  return Line(probe.program.name(), probe.arguments, backend);
}

std::vector<std::string> Lines(
    const std::vector<EnvironmentVariable>& variables, const Backend& backend) {
  std::vector<std::string> lines;
  for (const EnvironmentVariable& variable : variables)
    lines.push_back(
        absl::StrCat(variable.name, "=", backend.Show(variable.value)));
  return lines;
}

std::string BySignal(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? absl::StrCat("by signal ", signal)
                         : absl::StrCat("by SIG", name);
}

std::string Describe(const StopRule& rule) {
  if (rule == StopRule()) return "";
  return absl::StrCat(BySignal(rule.signal), ", and killed after ",
                      absl::FormatDuration(rule.grace));
}

std::string Describe(const ReloadRule& rule, const Backend& backend) {
  std::string text = BySignal(rule.signal);
  if (rule.check)
    absl::StrAppend(&text,
                    ", once this succeeds: ", Line(*rule.check, backend));
  return text;
}

std::string Describe(const Readiness& readiness, const Backend& backend) {
  const std::string url = readiness.endpoint() == nullptr
                              ? ""
                              : EndpointAccess::Url(*readiness.endpoint());
  switch (readiness.kind()) {
    case Readiness::Kind::kStarted:
      return "when it runs";
    case Readiness::Kind::kCompleted:
      return "when it has ended with exit code 0";
    case Readiness::Kind::kNewline:
      return absl::StrCat("when it writes a newline to the descriptor in ",
                          readiness.variable());
    case Readiness::Kind::kNotify:
      return readiness.watchdog() == absl::InfiniteDuration()
                 ? "when it says so by sd_notify"
                 : absl::StrCat("when it says so by sd_notify, at least every ",
                                absl::FormatDuration(readiness.watchdog()),
                                " from then on");
    case Readiness::Kind::kConnect:
      return absl::StrCat("when ", url, " takes a connection");
    case Readiness::Kind::kHttp:
      return absl::StrCat("when GET ", url, readiness.path(), " is answered");
    case Readiness::Kind::kGrpcHealth:
      return absl::StrCat("when the gRPC health service at ", url,
                          " says SERVING");
    case Readiness::Kind::kAnswer:
      return absl::StrCat("when ", url, " answers \"",
                          absl::CHexEscape(readiness.request()), "\" with \"",
                          absl::CHexEscape(readiness.answer()), "\"");
    case Readiness::Kind::kTls:
      return absl::StrCat("when ", url, " answers a TLS handshake");
    case Readiness::Kind::kProbe:
      return absl::StrCat("when this succeeds: ",
                          Line(*readiness.probe(), backend));
  }
  return "";
}

// Enough for either of the two processes that hold them: a pidfd in the keeper,
// and a socket for each endpoint in the environment; in strict mode a pipe, the
// log and its times.
int DescriptorsFor(const ServiceDefinition& definition) {
  if (definition.external) return 0;
  const bool strict = definition.command.log.mode == LogRule::Mode::kStrict;
  return 1 + static_cast<int>(definition.endpoints.size()) + (strict ? 3 : 0);
}

Plan::Service Describe(const ServiceDefinition& definition,
                       const Backend& backend) {
  const Command& command = definition.command;
  Plan::Service service{.path = definition.path,
                        .program = command.program.name(),
                        .arguments = {},
                        .environment = Lines(command.environment, backend),
                        .endpoints = {},
                        .files = {},
                        .needs = definition.needs,
                        .start_needs = definition.start_needs,
                        .readiness = Describe(command.readiness, backend),
                        .client = Lines(command.client.environment, backend),
                        .external = definition.external,
                        .descriptors = DescriptorsFor(definition)};
  if (command.liveness) {
    absl::StrAppend(&service.readiness, "; asked again every ",
                    absl::FormatDuration(command.liveness->interval));
    if (command.liveness->probe) {
      absl::StrAppend(&service.readiness, ": ",
                      Describe(*command.liveness->probe, backend));
    }
  }
  for (const Text& argument : command.arguments)
    service.arguments.push_back(backend.Show(argument));
  service.stop = Describe(command.stop);
  if (command.reload) service.reload = Describe(*command.reload, backend);
  for (const auto& [program, arguments] : command.client.arguments)
    service.client.push_back(Line(program, arguments, backend));
  for (const Endpoint& endpoint : definition.endpoints) {
    service.endpoints.emplace_back(endpoint.name(),
                                   EndpointAccess::Url(endpoint));
  }
  for (const File& file : command.files) {
    service.files.emplace_back(backend.Show(file.path),
                               backend.Show(file.contents));
  }
  return service;
}

absl::Status CheckExternal(const Runtime& runtime,
                           const std::map<std::string, std::string>& external) {
  for (const auto& [name, url] : external) {
    const std::vector<std::string> parts =
        absl::StrSplit(name, absl::MaxSplits('.', 1));
    const ServiceDefinition* service = runtime.Find(parts[0]);
    bool known = service != nullptr;
    if (known && parts.size() == 2) {
      known = false;
      for (const Endpoint& endpoint : service->endpoints)
        known |= endpoint.name() == parts[1];
    }
    if (known) continue;
    std::vector<std::string> names;
    for (const ServiceDefinition& definition : runtime.services())
      names.push_back(definition.path);
    return absl::InvalidArgumentError(absl::StrCat(
        "--external=", name, "=", url, ": no service or endpoint is called '",
        name, "'; the services are: ", absl::StrJoin(names, ", ")));
  }
  return absl::OkStatus();
}

void AppendWhatRuns(const Plan::Service& service, std::string& text) {
  absl::StrAppend(&text, "  runs     ", service.program, "\n");
  for (const std::string& argument : service.arguments)
    absl::StrAppend(&text, "             ", argument, "\n");
  for (const std::string& variable : service.environment)
    absl::StrAppend(&text, "  with     ", variable, "\n");
  for (const auto& [path, contents] : service.files) {
    absl::StrAppend(&text, "  file     ", path, "\n");
    for (absl::string_view line : absl::StrSplit(contents, '\n'))
      absl::StrAppend(&text, "             | ", line, "\n");
  }
}

std::string FormatText(const Plan& plan, absl::string_view name) {
  std::string text = absl::StrCat("environment ", name, ": ",
                                  plan.services.size(), " services\n");
  for (const Plan::Service& service : plan.services) {
    absl::StrAppend(&text, "\n", service.path,
                    service.external ? " (external)" : "", "\n");
    for (const auto& [endpoint, url] : service.endpoints)
      absl::StrAppend(&text, "  offers   ", endpoint, " ", url, "\n");
    if (!service.needs.empty())
      absl::StrAppend(&text, "  needs    ", absl::StrJoin(service.needs, ", "),
                      "\n");
    if (!service.start_needs.empty())
      absl::StrAppend(&text, "  to start ",
                      absl::StrJoin(service.start_needs, ", "), "\n");
    if (!service.external) AppendWhatRuns(service, text);
    absl::StrAppend(&text, "  ready    ", service.readiness, "\n");
    if (!service.stop.empty() && !service.external)
      absl::StrAppend(&text, "  stops    ", service.stop, "\n");
    if (!service.reload.empty() && !service.external)
      absl::StrAppend(&text, "  reloads  ", service.reload, "\n");
    for (const std::string& line : service.client)
      absl::StrAppend(&text, "  clients  ", line, "\n");
  }
  return text;
}

std::string FormatJson(const Plan& plan, absl::string_view name) {
  nlohmann::ordered_json services = nlohmann::ordered_json::array();
  for (const Plan::Service& service : plan.services) {
    nlohmann::ordered_json endpoints = nlohmann::ordered_json::object();
    for (const auto& [endpoint, url] : service.endpoints)
      endpoints[endpoint] = url;
    nlohmann::ordered_json files = nlohmann::ordered_json::object();
    for (const auto& [path, contents] : service.files) files[path] = contents;
    services.push_back({{"name", service.path},
                        {"program", service.program},
                        {"arguments", service.arguments},
                        {"environment", service.environment},
                        {"endpoints", endpoints},
                        {"files", files},
                        {"needs", service.needs},
                        {"needs_at_start", service.start_needs},
                        {"ready", service.readiness},
                        {"stop", service.stop},
                        {"reload", service.reload},
                        {"clients", service.client},
                        {"external", service.external}});
  }
  const nlohmann::ordered_json whole = {{"environment", std::string(name)},
                                        {"services", services}};
  return whole.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
         "\n";
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

std::string FormatGraphviz(const Plan& plan, absl::string_view name) {
  std::string text = absl::StrCat("digraph ", Quoted(name),
                                  " {\n  rankdir=LR;\n  node [shape=box];\n");
  for (const Plan::Service& service : plan.services) {
    absl::StrAppend(&text, "  ", Quoted(service.path),
                    service.external ? " [style=dashed]" : "", ";\n");
    for (const std::string& need : service.needs) {
      absl::StrAppend(&text, "  ", Quoted(service.path), " -> ", Quoted(need),
                      ";\n");
    }
    for (const std::string& need : service.start_needs) {
      absl::StrAppend(&text, "  ", Quoted(service.path), " -> ", Quoted(need),
                      " [style=dashed];\n");
    }
  }
  return text + "}\n";
}

}  // namespace

absl::StatusOr<Plan> MakePlan(
    const EnvironmentBody& body,
    const std::map<std::string, std::string>& external) {
  Loop loop;
  PlanBackend backend(loop);
  Runtime runtime(loop, backend, {.external = external});
  std::optional<absl::Status> ended;
  absl::StatusOr<Plan> plan = Plan();
  EnvironmentRun* running = nullptr;
  EnvironmentRun run(
      runtime, body,
      {.ready =
           [&] {
             for (const ServiceDefinition& definition : runtime.services()) {
               plan->services.push_back(Describe(definition, backend));
             }
             if (absl::Status known = CheckExternal(runtime, external);
                 !known.ok())
               plan = known;
             running->Stop();
           },
       .ended = [&](absl::Status status) { ended = std::move(status); }});
  running = &run;
  run.Start();
  loop.RunUntil([&] { return ended.has_value(); });
  if (!ended->ok()) return *ended;
  return plan;
}

std::string FormatPlan(const Plan& plan, absl::string_view name,
                       PlanFormat format) {
  switch (format) {
    case PlanFormat::kText:
      return FormatText(plan, name);
    case PlanFormat::kJson:
      return FormatJson(plan, name);
    case PlanFormat::kGraphviz:
      return FormatGraphviz(plan, name);
  }
  return "";
}

}  // namespace espalier
