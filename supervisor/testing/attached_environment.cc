#include "supervisor/testing/attached_environment.h"

#include <cstdlib>
#include <iostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "supervisor/engine/service_state.h"
#include "supervisor/testing/test_deadline.h"

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

std::vector<ServiceUnderTest> FromList(const ControlClient::ServiceList& list) {
  std::vector<ServiceUnderTest> services;
  for (const ServiceSnapshot& snapshot : list.services)
    services.push_back(FromSnapshot(snapshot));
  return services;
}

}  // namespace

std::optional<InstanceSelector> RunningEnvironmentForTest(
    absl::string_view name, bool typed) {
  const char* const wanted = std::getenv("ESPALIER_TEST_ENVIRONMENT");
  if (wanted == nullptr || *wanted == '\0') return std::nullopt;
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(wanted, absl::MaxSplits('/', 1));
  std::cerr << "ESPALIER_TEST_ENVIRONMENT is " << wanted << ": ";
  if (parts.first != name) {
    std::cerr << "the test starts its own environment, which is called `"
              << name << "`\n";
    return std::nullopt;
  }
  if (!typed) {
    std::cerr << "the test starts its own environment, since its handles are "
                 "no type with ESPALIER_HANDLE\n";
    return std::nullopt;
  }
  std::cerr << "the test uses the one that runs\n";
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
  const auto list = attached_.client().List();
  if (!list.ok()) return list.status();
  const std::vector<ServiceUnderTest> services = FromList(*list);
  for (const ServiceUnderTest& service : services) {
    if (service.path == path) return service;
  }
  return NoSuchService(path, services);
}

std::vector<ServiceUnderTest> AttachedEnvironment::List() {
  const auto list = attached_.client().List();
  return list.ok() ? FromList(*list) : std::vector<ServiceUnderTest>();
}

absl::StatusOr<ServiceUnderTest> AttachedEnvironment::WaitFor(
    absl::string_view path, absl::string_view what,
    const std::function<bool(const ServiceUnderTest&)>& wanted) {
  absl::StatusOr<ServiceUnderTest> known = Find(path);
  if (!known.ok()) return known.status();
  std::optional<ServiceUnderTest> found;
  const auto take = [&](const ServiceSnapshot& snapshot) {
    if (snapshot.name != path) return;
    known = FromSnapshot(snapshot);
    if (wanted(*known)) found = *known;
  };
  const absl::Status watched = attached_.client().Watch(
      {.deadline = TestDeadline()},
      [&](const ControlClient::WatchEvent& event) {
        for (const ServiceSnapshot& snapshot : event.services) take(snapshot);
        if (!event.is_snapshot) take(event.change.service);
        return !found.has_value();
      });
  if (found.has_value()) return *std::move(found);
  if (absl::IsDeadlineExceeded(watched)) return WaitedTooLong(what, *known);
  return absl::FailedPreconditionError(
      absl::StrCat("the environment ended before that: ", watched.message()));
}

absl::Status AttachedEnvironment::AwaitEnd() {
  return absl::FailedPreconditionError(
      "the environment is not this test's own, and goes on");
}

}  // namespace espalier
