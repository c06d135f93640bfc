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

Runtime::Runtime(Loop& loop, Backend& backend, RuntimeOptions options)
    : loop_(loop),
      backend_(backend),
      options_(std::move(options)),
      engine_({.seed = options_.seed, .max_starting = options_.max_starting}) {
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

absl::StatusOr<GroupId> Runtime::AddGroup(GroupSpec spec) {
  return engine_.AddGroup(std::move(spec));
}

// What a command may mention is one of our services as it is now.
absl::Status Runtime::CheckMentioned(absl::string_view user,
                                     const Text::Part& part) const {
  const ServiceDefinition* used = Find(part.service);
  if (used == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", user, "' uses the service '", part.service,
                     "', which is not part of this environment"));
  }
  if (ended_.contains(used->id)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "'", user, "' uses '", part.service,
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
      "'", user, "' uses '", part.value, "' as an address of '", part.service,
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
  for (const Text* text : definition.command.Texts()) {
    for (const Text::Part& part : text->parts()) {
      if (part.kind != Text::Part::kEndpoint || part.service.empty() ||
          part.service == definition.path) {
        continue;
      }
      absl::Status status = CheckMentioned(definition.path, part);
      if (!status.ok()) return status;
    }
  }
  for (const std::string& need : definition.needs)
    spec.needs.push_back(by_path_.at(need));
  absl::StatusOr<ServiceId> id = engine_.AddService(std::move(spec));
  if (!id.ok()) return id;
  definition.id = *id;
  by_path_[definition.path] = *id;
  services_.push_back(std::move(definition));
  backend_.Define(services_.back());
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
  while (!events_.empty() || !completions_.empty()) {
    if (events_.empty()) {
      if (settled_handler_) settled_handler_();
      auto completion = std::move(completions_.front());
      completions_.pop_front();
      completion();
      continue;
    }
    Event event = std::move(events_.front());
    events_.pop_front();
    actions_.clear();
    engine_.Step(event, Now(), actions_);
    for (const Action& action : actions_) Dispatch(action);
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
      completions_.push_back(std::move(it->second));
    await_rest_.erase(begin, end);
  }
  if (observer_) observer_(change);
}

void Runtime::On(const GaveUp& news) {
  if (gave_up_.ok()) gave_up_ = WithEvidence(news.culprit, news.error);
}

void Runtime::On(const GroupStopped& news) {
  if (news.group != kRootGroup) return;
  const absl::Status status = gave_up_.ok() ? news.status : gave_up_;
  completions_.push_back([this, status] {
    if (stopped_handler_) stopped_handler_(status);
  });
}

absl::Status Runtime::NotStarted(ServiceId id) const {
  const std::string& path = services_[Index(id)].path;
  if (absl::Status error = engine_.Error(id); !error.ok())
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
    if (Satisfies(state)) return done(absl::OkStatus());
    if (IsAtRest(state)) return done(NotStarted(id));
    await_started_.emplace(id, done);
  });
}

void Runtime::WhenAtRest(ServiceId id, std::function<void()> done) {
  Later([this, id, done = std::move(done)] {
    if (IsAtRest(engine_.State(id))) return done();
    await_rest_.emplace(id, done);
  });
}

void Runtime::Later(std::function<void()> completion) {
  completions_.push_back(std::move(completion));
  if (!handling_)
    drain_soon_ = loop_.After(absl::ZeroDuration(), [this] { Drain(); });
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

void Runtime::StopEverything() { Handle(StopAll{}); }

void Runtime::KillEverything() { Handle(KillAll{}); }

void Runtime::StopStarted(std::vector<int> started,
                          std::function<void(absl::Status)> done) {
  for (auto it = started.rbegin(); it != started.rend(); ++it) {
    const ServiceId id{static_cast<uint32_t>(*it)};
    ended_.insert(id);
    events_.push_back(StopRequested{id});
  }
  struct Waiting {
    size_t left;
    absl::Status status;
  };
  auto waiting =
      std::make_shared<Waiting>(Waiting{started.size(), absl::OkStatus()});
  for (int number : started) {
    const ServiceId id{static_cast<uint32_t>(number)};
    WhenAtRest(id, [this, id, waiting, done] {
      if (engine_.State(id) == ServiceState::kStuck)
        waiting->status = engine_.Error(id);
      if (--waiting->left == 0) done(waiting->status);
    });
  }
}

absl::Status Runtime::CheckUsed(
    const std::vector<std::vector<std::string>>& needs,
    const std::vector<int>& started) const {
  std::set<std::string> used;
  for (int number : started) {
    const std::vector<std::string>& of_one = services_[number].needs;
    used.insert(of_one.begin(), of_one.end());
  }
  for (const std::vector<std::string>& need : needs) {
    const bool is_used = absl::c_any_of(
        need, [&](const std::string& path) { return used.contains(path); });
    if (is_used) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "'", services_[started.back()].path, "' is given '", need.front(),
        "' and does not use it: none of its commands mentions an endpoint of "
        "it. Mention one, or do without: leave the argument out, or pass "
        "std::nullopt where it is optional"));
  }
  return absl::OkStatus();
}

}  // namespace espalier
