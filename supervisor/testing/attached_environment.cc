#include "supervisor/testing/attached_environment.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "supervisor/engine/service_state.h"

namespace espalier {
namespace {

ServiceUnderTest FromSnapshot(const ServiceSnapshot& snapshot) {
  return {
      .path = snapshot.name,
      .state =
          ParseServiceState(snapshot.state).value_or(ServiceState::kInactive),
      .generation = static_cast<uint64_t>(snapshot.generation),
      .pid = snapshot.pid,
      .log_file = snapshot.log_file,
      .why = snapshot.why};
}

}  // namespace

std::optional<InstanceSelector> RunningEnvironmentForTests() {
  const char* name = std::getenv("ESPALIER_TEST_ENVIRONMENT");
  if (name == nullptr || *name == '\0') return std::nullopt;
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(name, absl::MaxSplits('/', 1));
  return InstanceSelector{.environment = parts.first, .instance = parts.second};
}

absl::StatusOr<std::unique_ptr<AttachedEnvironment>> AttachedEnvironment::Find(
    const InstanceSelector& selector) {
  HostFacts host = HostFacts::Current();
  // It was not started under `bazel test`.
  host.test_tmpdir.clear();
  Attached attached = Attach(selector, host);
  if (!attached.status().ok()) return attached.status();
  return std::unique_ptr<AttachedEnvironment>(
      new AttachedEnvironment(std::move(attached)));
}

absl::StatusOr<ServiceUnderTest> AttachedEnvironment::Find(
    absl::string_view path) {
  for (ServiceUnderTest& service : List()) {
    if (service.path == path) return std::move(service);
  }
  return absl::NotFoundError(absl::StrCat("environment `",
                                          attached_.environment().environment,
                                          "` has no service `", path, "`"));
}

std::vector<ServiceUnderTest> AttachedEnvironment::List() {
  std::vector<ServiceUnderTest> services;
  const absl::StatusOr<ControlClient::ServiceList> list =
      attached_.client().List();
  if (!list.ok()) return services;
  for (const ServiceSnapshot& snapshot : list->services) {
    services.push_back(FromSnapshot(snapshot));
  }
  return services;
}

absl::StatusOr<ServiceUnderTest> AttachedEnvironment::WaitFor(
    absl::string_view path,
    const std::function<bool(const ServiceUnderTest&)>& wanted) {
  std::optional<ServiceUnderTest> found;
  const auto take = [&](const ServiceSnapshot& snapshot) {
    if (snapshot.name != path) return;
    ServiceUnderTest service = FromSnapshot(snapshot);
    if (wanted(service)) found = std::move(service);
  };
  const absl::Status watched =
      attached_.client().Watch({}, [&](const ControlClient::WatchEvent& event) {
        for (const ServiceSnapshot& snapshot : event.services) take(snapshot);
        if (!event.is_snapshot) take(event.change.service);
        return !found.has_value();
      });
  if (found.has_value()) return *std::move(found);
  return absl::FailedPreconditionError(
      absl::StrCat("the environment ended before that: ", watched.message()));
}

absl::Status AttachedEnvironment::AwaitEnd() {
  return absl::FailedPreconditionError(
      "the environment is not this test's own, and goes on");
}

}  // namespace espalier
