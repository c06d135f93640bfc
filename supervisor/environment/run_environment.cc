#include "supervisor/environment/run_environment.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"
#include "supervisor/environment/descriptor_limit.h"
#include "supervisor/environment/environment_flags.h"
#include "supervisor/environment/live_environment.h"
#include "supervisor/environment/plan.h"
#include "supervisor/environment/standard_descriptors.h"

namespace espalier {
namespace {

int Fail(absl::string_view name, const absl::Status& status) {
  std::cerr << name << ": " << status.message() << std::endl;
  return 1;
}

// Names the services of a --follow without any. An error if there is not every
// one that it names.
absl::Status FindFollowed(EnvironmentFlags& flags, const Plan& plan) {
  std::vector<std::string> paths;
  for (const Plan::Service& service : plan.services) {
    paths.push_back(service.path);
  }
  if (flags.followed.empty()) flags.followed = paths;
  for (const std::string& name : flags.followed) {
    if (std::find(paths.begin(), paths.end(), name) != paths.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--follow names '", name,
                     "'; the services are: ", absl::StrJoin(paths, ", ")));
  }
  return absl::OkStatus();
}

// Whoever starts this may have blocked them, for reasons of its own.
void UnblockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : kStopSignals) sigaddset(&signals, signal);
  sigprocmask(SIG_UNBLOCK, &signals, nullptr);
}

}  // namespace

int RunEnvironmentBody(int argc, char** argv, absl::string_view name,
                       absl::string_view description,
                       const std::function<EnvironmentBody()>& make_body) {
  OpenStandardDescriptors();
  UnblockStopSignals();
  // Supervision must not end because somebody stopped reading what we print.
  signal(SIGPIPE, SIG_IGN);
  // A limit on the size of files is met like a full disk.
  signal(SIGXFSZ, SIG_IGN);
  absl::StatusOr<EnvironmentFlags> flags =
      ParseEnvironmentFlags(argc, argv, name, description);
  if (!flags.ok()) {
    std::cerr << name << ": " << flags.status().message() << "\nSee --help."
              << std::endl;
    return 2;
  }
  FLAGS_logtostderr = true;
  FLAGS_minloglevel = google::GLOG_WARNING;
  google::InitGoogleLogging(argv[0]);

  const EnvironmentBody body = make_body();
  // On paper first: what is wrong with the wiring is found before anything
  // runs.
  absl::StatusOr<Plan> plan = MakePlan(body, flags->external);
  if (!plan.ok()) return Fail(name, plan.status());
  if (flags->follow) {
    absl::Status known = FindFollowed(*flags, *plan);
    if (!known.ok()) return Fail(name, known);
  }
  if (flags->plan) {
    std::cout << FormatPlan(*plan, name, *flags->plan) << std::flush;
    return 0;
  }
  if (absl::Status fits = CheckDescriptors(*plan, HardDescriptorLimit());
      !fits.ok()) {
    return Fail(name, fits);
  }
  // As large as the environment, and of no use while it runs.
  plan = Plan{};
  const absl::Status status = RunLive(std::string(name), argv[0], body, *flags);
  return status.ok() ? 0 : Fail(name, status);
}

}  // namespace espalier
