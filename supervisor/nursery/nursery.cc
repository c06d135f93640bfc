#include "supervisor/nursery/nursery.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "supervisor/nursery/runtime.h"

namespace espalier {
namespace {

// Takes the place of a service in the path of what the services of a nursery
// share.
constexpr absl::string_view kShared = "shared";

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  const bool good = !name.empty() && name.size() <= 64 &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return absl::ascii_islower(c) || absl::ascii_isdigit(c) ||
                             c == '_' || c == '-';
                    });
  if (good && name != kShared) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' cannot be the name of a ", what,
                   ": use 1 to 64 lower-case letters, digits, '_' and '-'"));
}

// Asks the engine for a start and waits for what comes of it.
class StartOperation final : public Operation {
 public:
  StartOperation(Runtime& runtime, ServiceId id) : runtime_(runtime), id_(id) {}

  void await_resume() const {}

  void Cancel() override {
    cancelled_ = true;
    // The start is answered when the service has come to rest: nothing of it is
    // left by then.
    runtime_.CancelStart(id_);
  }

 private:
  absl::Status Begin(PromiseBase& task) override {
    runtime_.WhenMayStart(
        id_, [this] { return cancelled_; },
        [this, &task] {
          if (cancelled_) return Complete(absl::CancelledError("cancelled"));
          Ask(task);
        });
    return absl::OkStatus();
  }

  void Ask(PromiseBase& task) {
    runtime_.Handle(StartRequested{.id = id_, .awaited = true});
    runtime_.WhenStarted(id_, [this, &task](absl::Status status) {
      // From now on the task answers for it; before, a failed start has already
      // come to rest.
      if (status.ok())
        task.RecordStarted(&runtime_, static_cast<int>(Index(id_)));
      Complete(status);
    });
  }

  Runtime& runtime_;
  const ServiceId id_;
  bool cancelled_ = false;
};

// Waits until a group is up, or has ended.
class GroupOperation final : public Operation {
 public:
  GroupOperation(Runtime& runtime, GroupRun& run, GroupId id,
                 GroupRun::Body body)
      : runtime_(runtime), run_(run), id_(id), body_(std::move(body)) {}

  void await_resume() const {}

  void Cancel() override { run_.Close(); }

 private:
  absl::Status Begin(PromiseBase& task) override {
    run_.Start(std::move(body_), [this, &task](absl::Status status) {
      if (status.ok()) task.RecordStarted(&runtime_, Runtime::NumberOf(id_));
      Complete(std::move(status));
    });
    return absl::OkStatus();
  }

  Runtime& runtime_;
  GroupRun& run_;
  const GroupId id_;
  GroupRun::Body body_;
};

}  // namespace

Nursery::Nursery(Runtime& runtime) : runtime_(runtime), group_(kRootGroup) {}

std::string Nursery::PathOf(absl::string_view name) const {
  return path_.empty() ? std::string(name) : absl::StrCat(path_, "/", name);
}

Service Nursery::NewService(absl::string_view name) {
  return Service(*this, name);
}

Service Nursery::NewExternalService(absl::string_view name, std::string url) {
  Service service(*this, name);
  service.external_ = true;
  service.external_url_ = std::move(url);
  return service;
}

Path Nursery::SharedData(absl::string_view name) const {
  return Path(Path::Root::kData, PathOf(kShared), std::string(name));
}

void Nursery::Publish(const HandleData& handle) { runtime_.Publish(handle); }

absl::Status Nursery::GaveAnother(absl::string_view name) {
  return absl::FailedPreconditionError(absl::StrCat(
      "the body of the group '", name,
      "' returned something else when it was run again, so what it returned "
      "first, which others hold, would not be true any more"));
}

Task<void> Nursery::RunGroup(std::string name, Strategy strategy,
                             GroupOptions options,
                             TaskFunction<Task<void>(Nursery&)> body) {
  co_await CheckName("group", name);
  const std::string path = PathOf(name);
  Runtime& runtime = runtime_;
  absl::StatusOr<Runtime::DeclaredGroup> group =
      runtime.AddGroup({.name = name,
                        .parent = group_,
                        .strategy = strategy,
                        .restart = options.restart,
                        .awaited = true},
                       path);
  co_await group.status();
  const GroupId id = group->id;
  GroupOperation operation(
      runtime, group->run, id,
      [&runtime, path, id, body = std::move(body)]() -> Task<void> {
        Nursery inner(runtime, path, id);
        co_await body(inner);
      });
  co_await operation;
}

Service::Service(Nursery& nursery, absl::string_view name)
    : nursery_(&nursery),
      name_(name),
      path_(nursery.PathOf(name)),
      error_(CheckName("service", name)) {
  const auto& external = nursery.runtime_.options().external;
  external_ =
      std::any_of(external.begin(), external.end(), [&](const auto& entry) {
        return entry.first == path_ ||
               absl::StartsWith(entry.first, path_ + ".");
      });
}

EndpointAddress Service::MakeAddress(AddressKind kind, absl::string_view name,
                                     absl::string_view file) {
  absl::StatusOr<EndpointAddress> address = FindAddress(kind, name, file);
  if (address.ok()) return *std::move(address);
  error_.Update(address.status());
  return {.service = path_, .name = std::string(name)};
}

absl::StatusOr<EndpointAddress> Service::FindAddress(
    AddressKind kind, absl::string_view name, absl::string_view file) const {
  if (!error_.ok()) return error_;
  if (std::any_of(endpoints_.begin(), endpoints_.end(),
                  [&](const Endpoint& e) { return e.name() == name; })) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", path_, "' has two endpoints named '", name, "'"));
  }
  if (const std::string* url = ExternalUrl(name))
    return ExternalAddress(name, *url);
  if (external_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", path_, "' is external, and has an endpoint '", name,
        "' as well: say where with --external=", path_, ".", name, "=ADDRESS"));
  }
  return nursery_->runtime_.addresses().Get(kind, path_, name, file);
}

const std::string* Service::ExternalUrl(absl::string_view name) const {
  const auto& external = nursery_->runtime_.options().external;
  auto found = external.find(absl::StrCat(path_, ".", name));
  if (found == external.end() && endpoints_.empty())
    found = external.find(path_);
  if (found != external.end()) return &found->second;
  return external_url_.has_value() ? &*external_url_ : nullptr;
}

void Service::CheckScheme(const Endpoint& endpoint) {
  const std::string* url = ExternalUrl(endpoint.name());
  const size_t end = url == nullptr ? std::string::npos : url->find("://");
  if (end == std::string::npos || endpoint.scheme().empty()) return;
  absl::string_view scheme = absl::string_view(*url).substr(0, end);
  if (scheme == "postgres") scheme = "postgresql";
  if (scheme == endpoint.scheme()) return;
  error_.Update(absl::InvalidArgumentError(
      absl::StrCat("'", path_, "' is external at ", *url,
                   ", but its endpoint '", endpoint.name(), "' is of the kind ",
                   endpoint.scheme(), "://; correct the address")));
}

absl::StatusOr<EndpointAddress> Service::ExternalAddress(
    absl::string_view name, absl::string_view url) const {
  EndpointAddress address{.service = path_, .name = std::string(name)};
  if (absl::StartsWith(url, "/")) {
    address.path = std::string(url);
    return address;
  }
  absl::string_view rest = url;
  if (const size_t scheme = rest.find("://"); scheme != absl::string_view::npos)
    rest.remove_prefix(scheme + 3);
  rest = absl::StripSuffix(rest, "/");
  const size_t colon = rest.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || colon == 0 ||
      !absl::SimpleAtoi(rest.substr(colon + 1), &port) || port < 1 ||
      port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", path_, "' is external at '", url,
        "', which is not an address; write http://HOST:PORT, HOST:PORT, or the "
        "absolute path of a Unix socket"));
  }
  address.host = std::string(rest.substr(0, colon));
  address.port = absl::StrCat(port);
  return address;
}

Task<void> Service::Start(Command command) {
  Runtime& runtime = nursery_->runtime_;
  co_await error_;
  if (absl::Status status = command.Validate(); !status.ok()) {
    co_await absl::Status(status.code(), absl::StrCat("the command of '", path_,
                                                      "': ", status.message()));
  }
  std::set<std::string> needs = command.Uses();
  needs.erase(path_);
  std::set<std::string> start_needs = command.StartUses();
  start_needs.erase(path_);
  absl::StatusOr<ServiceId> id = runtime.AddService(
      {.path = path_,
       .command = std::move(command),
       .endpoints = endpoints_,
       .needs = {needs.begin(), needs.end()},
       .start_needs = {start_needs.begin(), start_needs.end()},
       .external = external_,
       .handle = std::move(handle_)},
      name_, nursery_->group_);
  if (absl::IsAlreadyExists(id.status())) {
    co_await absl::AlreadyExistsError(
        absl::StrCat("two services are named '", path_,
                     "'; give one of them another name in its options"));
  }
  co_await id.status();
  StartOperation start(runtime, *id);
  co_await start;
}

}  // namespace espalier
