#include "supervisor/environment/controlled_runtime.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace espalier {

void ControlledRuntime::On(const Changed& change) {
  if (!on_change_) return;
  on_change_({.revision = static_cast<int64_t>(change.revision),
              .service = Snapshot(runtime_.services()[Index(change.id)])});
}

ServiceSnapshot ControlledRuntime::Snapshot(
    const ServiceDefinition& definition) const {
  const Engine& engine = runtime_.engine();
  const ServiceId id = definition.id;
  const int64_t generation = static_cast<int64_t>(engine.CurrentGeneration(id));
  ServiceSnapshot snapshot{
      .name = definition.path,
      .state = std::string(ServiceStateName(engine.State(id))),
      .generation = generation,
      .pid = engine.Pid(id),
      .since = absl::Now() - (Runtime::Now() - engine.Since(id)),
      .restarts = std::max<int64_t>(generation - 1, 0),
      .why = engine.Explain(id, Runtime::Now()),
      .needs = definition.needs,
      .needs_at_start = definition.start_needs,
      .endpoints = {},
      .log_file =
          definition.external ? "" : runtime_.backend().Log(definition).file,
      .handle = definition.handle.ToOptional(),
  };
  if (const auto outlook = runtime_.GroupOutlook(id)) {
    absl::StrAppend(&snapshot.why, "; ", outlook->story);
  }
  if (definition.external) {
    snapshot.why = absl::StrCat("external, its log is where it was started: ",
                                snapshot.why);
  }
  for (const Endpoint& endpoint : definition.endpoints) {
    snapshot.endpoints.push_back(
        {.name = endpoint.name(), .url = EndpointAccess::Url(endpoint)});
  }
  snapshot.client = ClientOf(definition);
  Remarks remarks = runtime_.backend().RemarksOn(id);
  snapshot.frozen = remarks.frozen;
  if (remarks.frozen)
    absl::StrAppend(&snapshot.why, ", frozen: `envctl thaw ", definition.path,
                    "` lets it go on");
  if (snapshot.pid != 0) snapshot.status = remarks.status.get();
  return snapshot;
}

ServiceSnapshot::Client ControlledRuntime::ClientOf(
    const ServiceDefinition& definition) const {
  ServiceSnapshot::Client client;
  const Backend& backend = runtime_.backend();
  const ClientRule& rule = definition.command.client;
  for (const EnvironmentVariable& variable : rule.environment) {
    client.environment.push_back(
        {.name = variable.name, .value = backend.Show(variable.value)});
  }
  for (const auto& [program, arguments] : rule.arguments) {
    for (const Text& argument : arguments)
      client.arguments[program].push_back(backend.Show(argument));
  }
  return client;
}

std::vector<ServiceSnapshot> ControlledRuntime::List() {
  std::vector<ServiceSnapshot> snapshots;
  for (const ServiceDefinition& definition : runtime_.services())
    snapshots.push_back(Snapshot(definition));
  return snapshots;
}

absl::StatusOr<std::vector<Explanation>> ControlledRuntime::Explain(
    const std::string& name) {
  const absl::StatusOr<ServiceId> first = Find(name);
  if (!first.ok()) return first.status();
  std::vector<ServiceId> ids = {*first};
  std::vector<Explanation> chain;
  // More are added while these are looked at.
  for (size_t i = 0; i < ids.size(); ++i) {
    const ServiceId id = ids[i];
    chain.push_back(ExplainOne(id));
    for (const ServiceId need : runtime_.engine().WaitsFor(id)) {
      if (std::count(ids.begin(), ids.end(), need) == 0) ids.push_back(need);
    }
  }
  return chain;
}

Explanation ControlledRuntime::ExplainOne(ServiceId id) const {
  const Engine& engine = runtime_.engine();
  const absl::Time now = Runtime::Now();
  const RestartRule& rule = engine.Spec(id).restart;
  Explanation explanation{
      .service = Snapshot(runtime_.services()[Index(id)]),
      .cause = std::string(CauseName(engine.LastCause(id))),
      .next = engine.Next(id, now),
      .failures = engine.FailuresInWindow(id, now),
      .max_failures = rule.max_runs,
      .window = rule.window,
  };
  if (engine.Since(id) == absl::InfinitePast()) {
    explanation.cause = "never started";
  } else {
    explanation.age = now - engine.Since(id);
  }
  if (const absl::Time end = engine.Deadline(id);
      end != absl::InfiniteFuture()) {
    explanation.next_in = std::max(end - now, absl::ZeroDuration());
  }
  if (const auto outlook = runtime_.GroupOutlook(id)) {
    explanation.next = outlook->story;
    if (outlook->next_run.has_value()) {
      explanation.next_in =
          std::max(*outlook->next_run - Loop::Now(), absl::ZeroDuration());
    }
  }
  if (const auto exit = engine.LastExit(id)) {
    explanation.last_exit = exit->ToString();
  }
  for (const ServiceId need : engine.WaitsFor(id)) {
    explanation.waits_for.push_back(runtime_.services()[Index(need)].path);
  }
  return explanation;
}

absl::StatusOr<ServiceId> ControlledRuntime::Find(
    const std::string& name) const {
  if (const ServiceDefinition* definition = runtime_.Find(name))
    return definition->id;
  std::vector<std::string> names;
  for (const ServiceDefinition& definition : runtime_.services())
    names.push_back(definition.path);
  return absl::NotFoundError(
      absl::StrCat("no service is called '", name,
                   "'; the services are: ", absl::StrJoin(names, ", ")));
}

void ControlledRuntime::Restart(const std::string& name, Done done) {
  absl::StatusOr<ServiceId> id = Find(name);
  if (!id.ok()) return done(id.status());
  if (runtime_.engine().Spec(*id).external) {
    return done(absl::FailedPreconditionError(absl::StrCat(
        "'", name, "' is external: whoever started it must restart it")));
  }
  runtime_.Handle(RestartRequested{*id});
  runtime_.WhenStarted(*id, std::move(done));
}

void ControlledRuntime::Stop(const std::string& name, StopOptions options,
                             Done done) {
  absl::StatusOr<ServiceId> id = Find(name);
  if (!id.ok()) return done(id.status());
  if (runtime_.engine().Spec(*id).external) {
    return done(absl::FailedPreconditionError(absl::StrCat(
        "'", name, "' is external: whoever started it must stop it")));
  }
  const std::vector<ServiceId> dependents =
      runtime_.engine().LiveDependents(*id);
  if (!dependents.empty() && !options.with_dependents) {
    auto path = [this](std::string* out, ServiceId it) {
      out->append(runtime_.services()[Index(it)].path);
    };
    return done(absl::FailedPreconditionError(absl::StrCat(
        "'", name, "' is used by ", absl::StrJoin(dependents, ", ", path),
        "; stop them first, or all together with --with_dependents")));
  }
  runtime_.Handle(StopRequested{*id});
  // Whoever starts it meanwhile wins, and this need not be waited for.
  const auto decided = [this, id = *id] {
    return IsAtRest(runtime_.engine().State(id)) ||
           !runtime_.engine().IsToStop(id);
  };
  runtime_.WhenTrue(decided, [this, id = *id, done = std::move(done)] {
    const ServiceState state = runtime_.engine().State(id);
    if (state == ServiceState::kStuck) {
      return done(runtime_.engine().Error(id));
    }
    if (IsAtRest(state)) return done(absl::OkStatus());
    done(absl::CancelledError(
        absl::StrCat("'", runtime_.services()[Index(id)].path,
                     "' was started again before it had stopped")));
  });
}

void ControlledRuntime::Reload(const std::string& name, Done done) {
  absl::StatusOr<ServiceId> id = Find(name);
  if (!id.ok()) return done(id.status());
  runtime_.Reload(*id, std::move(done));
}

void ControlledRuntime::Freeze(const std::string& name, bool frozen,
                               Done done) {
  absl::StatusOr<ServiceId> id = Find(name);
  if (!id.ok()) return done(id.status());
  done(runtime_.Freeze(*id, frozen));
}

void ControlledRuntime::Start(const std::string& name, Done done) {
  absl::StatusOr<ServiceId> id = Find(name);
  if (!id.ok()) return done(id.status());
  runtime_.Handle(StartRequested{.id = *id});
  runtime_.WhenStarted(*id, std::move(done));
}

}  // namespace espalier
