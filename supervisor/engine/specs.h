// What is said about an engine when it is made, and about a group and a service
// when they are added to it.
#ifndef SUPERVISOR_ENGINE_SPECS_H_
#define SUPERVISOR_ENGINE_SPECS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/engine/ids.h"
#include "supervisor/engine/rules.h"
#include "supervisor/engine/strategy.h"

namespace espalier {

struct GroupSpec {
  // For people; unique within the parent.
  std::string name = {};
  GroupId parent = kRootGroup;
  Strategy strategy = Strategy::kOneForOne;
  // The limit of restarts of several services at once (`max_runs` within
  // `window`); the rest of the rule is not used.
  RestartRule restart = {};
  // Somebody awaits this group and takes its failure: when it gives up, its
  // parent does not.
  bool awaited = false;
};

struct ServiceSpec {
  // For people; unique within the group.
  std::string name = {};
  GroupId group = kRootGroup;
  // What must be ready (or done) whenever it is started, and is stopped only
  // after it.
  std::vector<ServiceId> needs = {};
  // What must be ready (or done) when somebody starts it. Afterwards these may
  // come and go: they are waited for neither by its restarts nor by their stop.
  std::vector<ServiceId> start_needs = {};
  // Runs to completion: exit code 0 makes it DONE. It is never READY, and not
  // probed.
  bool one_shot = false;
  // Not a process of ours: never spawned or stopped, only probed.
  bool external = false;
  RestartRule restart = {};
  StopRule stop = {};
  // So many probes that fail in a row while it is READY mean that it does not
  // live any more. At least 1.
  int liveness_failures = 3;
  // From the first spawn to ready (a one-shot: done). Positive; may be
  // infinite.
  absl::Duration start_timeout = kDefaultStartTimeout;
};

inline constexpr absl::Duration kKillDeadline = absl::Seconds(15);

struct EngineOptions {
  // Decides the jitter of all pauses.
  uint64_t seed = 0;
  // So many services at most are in SPAWNING and STARTING at a time. At least
  // 1.
  int max_starting = 1'000'000;
  // How long a killed tree, or what is left after an exit, may take to vanish
  // before the service is STUCK.
  absl::Duration kill_deadline = kKillDeadline;
};

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_SPECS_H_
