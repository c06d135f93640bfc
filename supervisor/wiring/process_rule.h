#ifndef ESPALIER_SUPERVISOR_WIRING_PROCESS_RULE_H_
#define ESPALIER_SUPERVISOR_WIRING_PROCESS_RULE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "supervisor/wiring/rare.h"

namespace espalier {

// A limit of setrlimit(2) for the main process, inherited by its children.
struct ProcessLimit {
  enum class What {
    kOpenFiles,     // RLIMIT_NOFILE
    kProcesses,     // RLIMIT_NPROC: of the user, not of the service
    kCoreBytes,     // RLIMIT_CORE
    kFileBytes,     // RLIMIT_FSIZE
    kLockedBytes,   // RLIMIT_MEMLOCK
    kAddressBytes,  // RLIMIT_AS
    kStackBytes,    // RLIMIT_STACK
    kCpuSeconds,    // RLIMIT_CPU
  };
  static constexpr uint64_t kUnlimited = UINT64_MAX;

  What what;
  uint64_t soft = kUnlimited;
  // Only root may raise it above what the environment's process has.
  uint64_t hard = kUnlimited;

  friend bool operator==(const ProcessLimit&, const ProcessLimit&) = default;
};

// What kind of process the main process is, beside what it runs.
struct ProcessRule {
  // The user who runs it, and whose its directories are, by name. Default: the
  // one of all services. Another one needs an environment that root runs.
  Rare<std::string> user = std::nullopt;
  // Supplementary groups, by name. Default: none for another user.
  std::vector<std::string> groups = {};
  // From -20 to 19, the smaller the more urgent. Default: the environment's.
  std::optional<int> nice = std::nullopt;
  // Permissions that its new files do not get.
  uint32_t umask = 077;
  // Neither it nor its children gain rights by set-user-ID programs.
  bool no_new_privs = false;
  // Its listeners (Service::Listen) have O_NONBLOCK when it gets them, as with
  // systemd's NonBlocking=. For an event loop that supposes so of what it
  // inherits, as nginx does: where two processes share a listener, one would
  // wait in accept() for a connection that the other has taken.
  bool nonblocking_listeners = false;
  // Others are as the environment's process was started with them.
  std::vector<ProcessLimit> limits = {};

  // OK, or InvalidArgument with a sentence that says which setting makes no
  // sense.
  absl::Status Validate() const;

  friend bool operator==(const ProcessRule&, const ProcessRule&) = default;
};

// What the main process and all its descendants may use together. In force
// where services run in cgroups with the controllers that are needed; where
// they do not, a warning says so once, and nothing is limited.
struct TreeRule {
  // Beyond it, the kernel kills a process of the tree, which is told as such.
  std::optional<int64_t> memory_bytes = std::nullopt;
  // In processors: 0.5 is half the time of one.
  std::optional<double> processors = std::nullopt;
  // Beyond it, fork fails with EAGAIN. Counts threads.
  std::optional<int64_t> tasks = std::nullopt;

  bool empty() const { return !memory_bytes && !processors && !tasks; }

  absl::Status Validate() const;  // as ProcessRule's

  friend bool operator==(const TreeRule&, const TreeRule&) = default;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_WIRING_PROCESS_RULE_H_
