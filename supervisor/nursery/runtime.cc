#include "supervisor/nursery/runtime.h"

#include <memory>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"
#include "supervisor/logs/log_tail.h"

namespace espalier {
namespace {

bool IsStart(const Event& event) {
  return std::holds_alternative<StartRequested>(event) ||
         std::holds_alternative<RestartRequested>(event);
}

}  // namespace

Runtime::Runtime(Loop& loop, Backend& backend, RuntimeOptions options)
    : loop_(loop),
      backend_(backend),
      options_(std::move(options)),
      addresses_(backend),
      engine_({.seed = options_.seed,
               .max_starting = options_.max_starting,
               .kill_deadline = options_.kill_deadline}) {
  backend_.SetEventHandler([this](Event event) { Handle(std::move(event)); });
}

Runtime::~Runtime() {
  backend_.SetEventHandler([](const Event&) {});
}

absl::Time Runtime::Now() { return absl::UnixEpoch() + Loop::Now(); }

const ServiceDefinition* Runtime::Find(absl::string_view path) const {
  auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &services_[Index(found->second)];
}

// What a command may mention is one of our services as it is now.
absl::Status Runtime::CheckMentioned(absl::string_view user,
                                     const Text::Part& part) const {
  const ServiceDefinition* used = Find(part.service.get());
  if (used == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", user, "' uses the service '", part.service.get(),
                     "', which is not part of this environment"));
  }
  // A group that is run again declares its services anew.
  if (ended_.contains(used->id) &&
      UnsettledAround(engine_.Spec(used->id).group) == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", user, "' uses '", part.service.get(),
        "', which has been stopped since what started it failed: a handle is "
        "good only as long as that has not"));
  }
  if (part.proxied) return absl::OkStatus();
  for (const Endpoint& endpoint : used->endpoints) {
    for (const Text& text :
         {Text(endpoint), endpoint.host(), endpoint.port()}) {
      if (text.parts()[0].value == part.value) return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", user, "' uses '", part.value, "' as an address of '",
      part.service.get(),
      "', but that of this environment has another: the handle is from another "
      "environment, or from another run of this one"));
}

absl::StatusOr<ServiceId> Runtime::AddService(ServiceDefinition definition,
                                              absl::string_view name,
                                              GroupId group) {
  ServiceSpec spec{
      .name = std::string(name),
      .group = group,
      .needs = {},
      .start_needs = {},
      .one_shot =
          definition.command.readiness.kind() == Readiness::Kind::kCompleted,
      .external = definition.external,
      .restart = definition.command.restart,
      .stop = definition.command.stop,
      // The watchdog has been waited for already.
      .liveness_failures =
          definition.command.readiness.kind() == Readiness::Kind::kNotify ? 1
                                                                          : 3,
      .start_timeout = definition.command.start_timeout,
  };
  if (const auto& liveness = definition.command.liveness) {
    spec.liveness_failures = liveness->failures;
  }
  if (absl::Status status = CheckMentions(definition); !status.ok())
    return status;
  for (const std::string& need : definition.needs)
    spec.needs.push_back(by_path_.at(need));
  for (const std::string& need : definition.start_needs)
    spec.start_needs.push_back(by_path_.at(need));
  if (const ServiceDefinition* known = Find(definition.path))
    return Redeclare(known->id, std::move(spec), std::move(definition));
  absl::StatusOr<ServiceId> id = engine_.AddService(std::move(spec));
  if (!id.ok()) return id;
  if (GroupRun* run = RunOf(group)) run->Declare(*id);
  definition.id = *id;
  services_.push_back(std::move(definition));
  by_path_[services_.back().path] = *id;
  backend_.Define(services_.back());
  return id;
}

absl::Status Runtime::CheckMentions(const ServiceDefinition& definition) const {
  for (const Text* text : definition.command.Texts()) {
    for (const Text::Part& part : text->parts()) {
      if (part.kind != Text::Part::kEndpoint || part.service.empty() ||
          part.service.get() == definition.path) {
        continue;
      }
      absl::Status status = CheckMentioned(definition.path, part);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ServiceId> Runtime::Redeclare(ServiceId id, ServiceSpec spec,
                                             ServiceDefinition definition) {
  GroupRun* run = RunOf(spec.group);
  if (run == nullptr || !run->Declare(id)) {
    return absl::AlreadyExistsError(
        absl::StrCat("there is a service '", definition.path, "' already"));
  }
  ended_.erase(id);
  definition.id = id;
  ServiceDefinition& known = services_[Index(id)];
  if (definition == known) return id;
  if (const ServiceState state = engine_.State(id);
      !IsAtRest(state) || state == ServiceState::kStuck) {
    return absl::UnavailableError(absl::StrCat(
        "'", definition.path,
        "' runs, so it cannot be declared again with another command"));
  }
  if (absl::Status status = engine_.ReplaceService(id, std::move(spec));
      !status.ok())
    return status;
  known = std::move(definition);
  backend_.Define(known);
  return id;
}

void Runtime::Handle(Event event) {
  events_.push_back(std::move(event));
  if (!handling_) Drain();
}

// Completions resume tasks, which ask for more; all of that happens here, one
// after the other, never nested.
void Runtime::Drain() {
  handling_ = true;
  while (true) {
    if (!events_.empty()) {
      Event event = std::move(events_.front());
      events_.pop_front();
      if (std::holds_alternative<Exited>(event)) Observe();
      actions_.clear();
      engine_.Step(event, Now(), actions_);
      for (const Action& action : actions_) Dispatch(action);
      if (IsStart(event)) {
        for (const auto& [id, done] : await_rest_) StopIfStarted(id);
      }
      continue;
    }
    TakeWhatIsTrue();
    if (completions_.empty()) break;
    // Who observes may ask for something.
    if (!unobserved_.empty()) {
      Observe();
      continue;
    }
    if (settled_handler_) settled_handler_();
    auto completion = std::move(completions_.front());
    completions_.pop_front();
    completion();
  }
  handling_ = false;
  backend_.Flush();
  ArmTimer();
}

void Runtime::ArmTimer() {
  const absl::Time next = engine_.NextTimer();
  if (next == timer_at_ && timer_) return;
  timer_at_ = next;
  if (next == absl::InfiniteFuture()) {
    timer_ = Loop::Watch();
    return;
  }
  timer_ = loop_.After(next - Now(), [this] {
    timer_ = Loop::Watch();
    Handle(Tick{});
  });
}

void Runtime::Dispatch(const Action& action) {
  std::visit(
      [this](const auto& it) {
        if constexpr (requires { On(it); }) {
          On(it);
        } else {
          backend_.Carry(it);
        }
      },
      action);
}

void Runtime::On(const Changed& change) {
  if (Satisfies(change.to) || IsAtRest(change.to)) {
    const absl::Status status =
        Satisfies(change.to) ? absl::OkStatus() : NotStarted(change.id);
    auto [begin, end] = await_started_.equal_range(change.id);
    for (auto it = begin; it != end; ++it) {
      completions_.push_back(
          [done = std::move(it->second), status] { done(status); });
    }
    await_started_.erase(begin, end);
  }
  if (IsAtRest(change.to)) {
    auto [begin, end] = await_rest_.equal_range(change.id);
    for (auto it = begin; it != end; ++it)
      WhenAtRest(change.id, std::move(it->second));
    await_rest_.erase(begin, end);
  }
  if (!observer_) return;
  unobserved_.push_back(change);
  if (!observe_soon_)
    observe_soon_ = loop_.After(absl::ZeroDuration(), [this] { Observe(); });
}

void Runtime::Observe() {
  observe_soon_ = Loop::Watch();
  for (const Changed& change : std::exchange(unobserved_, {}))
    observer_(change);
}

absl::Status Runtime::NotStarted(ServiceId id) const {
  const std::string& path = services_[Index(id)].path;
  if (absl::Status error = engine_.Error(id); !error.ok())
    return WithEvidence(id, error);
  // It was stopped, but would have failed by itself: all errors are reported.
  if (absl::Status error = engine_.StartError(id); !error.ok())
    return WithEvidence(id, error);
  if (!gave_up_.ok())
    return absl::CancelledError(
        absl::StrCat("'", path, "' was stopped with the environment"));
  return absl::CancelledError(
      absl::StrCat("'", path, "' was stopped before it was ready"));
}

absl::Status Runtime::WithEvidence(ServiceId id,
                                   const absl::Status& error) const {
  if (const ServiceDefinition& service = services_[Index(id)];
      service.external) {
    return absl::Status(
        error.code(),
        absl::StrCat(error.message(),
                     "; it is external: start it where --external says, or "
                     "leave --external=",
                     service.path, "=… out to have it started here"));
  }
  const LogOfRun log = backend_.Log(services_[Index(id)]);
  if (log.file.empty()) return error;
  absl::StatusOr<LogTail> tail = LogTail::Read(
      log.file,
      {.max_lines = 10, .max_line_bytes = 500, .from_offset = log.begin});
  if (!tail.ok()) return error;
  std::string text = absl::StrCat(error.message(), "\nlog: ", log.file);
  if (tail->lines.empty()) {
    absl::StrAppend(&text, " (nothing of this run)");
  } else {
    absl::StrAppend(&text, ", which ends with\n  | ",
                    absl::StrJoin(tail->lines, "\n  | "));
  }
  return absl::Status(error.code(), text);
}

// Looks only when every request made so far has been handled: what was asked
// for just now must not be answered with the state from before.
void Runtime::WhenStarted(ServiceId id,
                          std::function<void(absl::Status)> done) {
  Later([this, id, done = std::move(done)] {
    const ServiceState state = engine_.State(id);
    if (Satisfies(state) && !engine_.IsToStop(id)) {
      return done(absl::OkStatus());
    }
    if (IsAtRest(state)) return done(NotStarted(id));
    await_started_.emplace(id, done);
  });
}

void Runtime::CancelStart(ServiceId id) {
  Handle(StopByItsNursery(id));
  WhenAtRest(id, [] {});
}

void Runtime::WhenAtRest(ServiceId id, std::function<void()> done) {
  Later([this, id, done = std::move(done)] {
    if (IsAtRest(engine_.State(id))) return done();
    StopIfStarted(id);
    await_rest_.emplace(id, done);
  });
}

void Runtime::StopIfStarted(ServiceId id) {
  if (!IsAtRest(engine_.State(id)) && !engine_.IsToStop(id))
    events_.push_back(StopByItsNursery(id));
}

void Runtime::Later(std::function<void()> completion) {
  completions_.push_back(std::move(completion));
  DrainSoon();
}

void Runtime::DrainSoon() {
  if (!handling_)
    drain_soon_ = loop_.After(absl::ZeroDuration(), [this] { Drain(); });
}

void Runtime::WhenTrue(std::function<bool()> condition,
                       std::function<void()> done) {
  conditions_.push_back({std::move(condition), std::move(done)});
  DrainSoon();
}

void Runtime::TakeWhatIsTrue() {
  std::erase_if(conditions_, [this](Condition& condition) {
    if (!condition.holds()) return false;
    completions_.push_back(std::move(condition.done));
    return true;
  });
}

void Runtime::Reload(ServiceId id, std::function<void(absl::Status)> done) {
  const ServiceDefinition& service = services_[Index(id)];
  if (service.external) {
    return done(absl::FailedPreconditionError(
        absl::StrCat("'", service.path,
                     "' is external: whoever started it must reload it")));
  }
  if (!service.command.reload) {
    return done(absl::UnimplementedError(
        absl::StrCat("'", service.path,
                     "' reads its files only when it starts; restart it")));
  }
  if (engine_.State(id) != ServiceState::kReady) {
    return done(absl::FailedPreconditionError(absl::StrCat(
        "'", service.path, "' is not ready: ", engine_.Explain(id, Now()))));
  }
  backend_.Reload(id, std::move(done));
}

absl::Status Runtime::Freeze(ServiceId id, bool frozen) {
  const std::string& path = services_[Index(id)].path;
  if (services_[Index(id)].external) {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", path, "' is external: its processes are not this environment's"));
  }
  if (engine_.State(id) != ServiceState::kReady) {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", path, "' is not ready: ", engine_.Explain(id, Now())));
  }
  const bool was_frozen = backend_.RemarksOn(id).frozen;
  backend_.Freeze(id, frozen);
  Observe();
  if (was_frozen != frozen && freeze_observer_)
    freeze_observer_({id, engine_.CurrentGeneration(id), frozen});
  return absl::OkStatus();
}

void Runtime::StopEverything() {
  CloseInside(kRootGroup);
  Handle(StopAll{});
  backend_.WindDown();
}

void Runtime::KillEverything() {
  CloseInside(kRootGroup);
  Handle(KillAll{});
  backend_.WindDown();
}

void Runtime::StopStarted(std::vector<int> started,
                          std::function<void(absl::Status)> done) {
  for (auto it = started.rbegin(); it != started.rend(); ++it) EndStarted(*it);
  struct Waiting {
    size_t left;
    absl::Status status;
  };
  auto waiting =
      std::make_shared<Waiting>(Waiting{started.size(), absl::OkStatus()});
  for (int number : started) {
    WhenGone(number, [waiting, done](const absl::Status& status) {
      if (!status.ok()) waiting->status = status;
      if (--waiting->left == 0) done(waiting->status);
    });
  }
}

absl::Status Runtime::CheckUsed(
    const std::vector<std::vector<std::string>>& needs,
    const std::vector<int>& started) const {
  std::set<std::string> used;
  for (int number : started) {
    for (const ServiceId id : ServicesOf(number)) {
      const ServiceDefinition& service = services_[Index(id)];
      used.insert(service.needs.begin(), service.needs.end());
      used.insert(service.start_needs.begin(), service.start_needs.end());
    }
  }
  for (const std::vector<std::string>& need : needs) {
    const bool is_used = absl::c_any_of(
        need, [&](const std::string& path) { return used.contains(path); });
    if (is_used) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "'", PathOf(started.back()), "' is given '", need.front(),
        "' and does not use it: none of its commands mentions an endpoint of "
        "it. Mention one, or do without: leave the argument out, or pass "
        "std::nullopt where it is optional"));
  }
  return absl::OkStatus();
}

}  // namespace espalier
