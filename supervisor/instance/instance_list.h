#ifndef ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_LIST_H_
#define ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_LIST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "supervisor/instance/host_facts.h"
#include "supervisor/instance/lock_holder.h"

namespace espalier {

// Which instances are meant; an empty name matches every one. `data_dir` as in
// InstancePaths::Options.
struct InstanceSelector {
  std::string environment = {};
  std::string instance = {};
  std::string data_dir = {};
};

// Every instance of this checkout that is running now and matches, by
// environment and instance name. An instance which has just started, and has
// not written who it is, is left out.
std::vector<LockHolder> ListInstances(
    const InstanceSelector& selector,
    const HostFacts& host = HostFacts::Current());

// The one running instance that matches. NotFoundError or
// FailedPreconditionError, when none or several do, with a sentence that lists
// what is running: "no environment `two` is running in this checkout; running:
// `one`", or how to start one.
absl::StatusOr<LockHolder> FindInstance(
    const InstanceSelector& selector,
    const HostFacts& host = HostFacts::Current());

// An instance that runs, or has run.
struct KnownInstance {
  std::string environment = {};
  std::string instance = {};
  std::string state_directory = {};
  // Who runs it; nothing if it does not run.
  std::optional<LockHolder> holder = {};
};

// Of the instances that match, the one that runs, or else the one that has run.
// NotFoundError or FailedPreconditionError, when there is none or there are
// several, with a sentence that lists them.
absl::StatusOr<KnownInstance> FindKnownInstance(
    const InstanceSelector& selector,
    const HostFacts& host = HostFacts::Current());

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_LIST_H_
