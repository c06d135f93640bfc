#include "supervisor/testing/hygiene.h"

#include <csignal>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/engine/service_state.h"
#include "supervisor/instance/instance_paths.h"
#include "supervisor/testing/failure_report.h"
#include "supervisor/testing/footprint.h"
#include "supervisor/testing/fresh_environment.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

void AddUnready(FreshEnvironment& environment,
                std::vector<std::string>& problems) {
  const std::vector<ServiceUnderTest> services = environment.List();
  if (services.empty()) problems.push_back("no service was started");
  for (const ServiceUnderTest& service : services) {
    if (Satisfies(service.state)) continue;
    problems.push_back(
        absl::StrCat(service.path, " is not ready: ", service.why));
  }
}

// Stops everything; a process that had to be killed did not keep its word.
void Stop(FreshEnvironment& environment, std::vector<std::string>& problems) {
  if (absl::Status status = environment.Stop(); !status.ok())
    problems.push_back(std::string(status.message()));
  for (const ServiceUnderTest& service : environment.List()) {
    if (service.last_exit && service.last_exit->signal() == SIGKILL)
      problems.push_back(
          absl::StrCat(service.path, " did not end when it was asked to"));
  }
}

// Where sockets and temporary files are for the length of a run.
std::string RuntimeDirectory(absl::string_view name,
                             const std::string& data_dir) {
  const absl::StatusOr<InstancePaths> paths = InstancePaths::Resolve(
      {.environment = std::string(name), .data_dir = data_dir});
  return paths.ok() ? paths->runtime_directory() : "";
}

// What all environments of this process share, such as their cache, is made by
// the first one.
void MakeSharedDirectories() {
  FreshEnvironment::Start("first", [](Nursery&) -> Task<void> { co_return; },
                          {})
      .IgnoreError();
}

}  // namespace

std::vector<std::string> HygieneProblems(
    absl::string_view name, TaskFunction<Task<void>(Nursery&)> function) {
  MakeSharedDirectories();
  std::vector<std::string> problems;
  std::optional<TestDirectory> home(std::in_place);
  const std::vector<std::string> directories = {
      testing::TempDir(), RuntimeDirectory(name, home->path())};
  Footprint before(directories), seen(directories);
  before.Record();
  std::vector<ServiceUnderTest> services;
  auto environment = FreshEnvironment::Start(name, std::move(function),
                                             {.data_dir = home->path()});
  if (environment.ok()) {
    AddUnready(**environment, problems);
    seen.Record();
    Stop(**environment, problems);
    services = (*environment)->List();
    environment->reset();
  } else {
    problems.push_back(std::string(environment.status().message()));
  }
  seen.Record();
  // Whether they are of use is known when their own directory is gone.
  const KeptLogs logs = KeptLogs::Keep(services);
  home.reset();
  for (std::string& left : seen.LeftSince(before))
    problems.push_back(std::move(left));
  problems.empty() ? logs.Remove() : logs.Announce();
  return problems;
}

}  // namespace espalier
