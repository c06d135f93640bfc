#ifndef ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_PATHS_H_
#define ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_PATHS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/instance/host_facts.h"

namespace espalier {

// Where one instance of an environment keeps its files.
//
//   <state root>/<environment>/<instance>/   state_directory()
//       lock                                 held while it runs: InstanceLock
//       journal  journal.1                   what happened: EventLog
//       logs/  data/
//       secrets/                             0700; root's is open to the group
//                                            of its services (0710)
//   <cache root>/                            cache_directory(), shared by all
//   <runtime root>/<8 hex digits>/           runtime_directory()
//       control/socket                       in a directory of mode 0700
//       services/                            sockets of services
//
// For the roots see HostFacts. All directories below them belong to the user
// and have mode 0700; root's have 0711, since its services run as another user.
//
// A value type; any thread.
class InstancePaths {
 public:
  static constexpr absl::string_view kDefaultInstance = "default";
  static constexpr size_t kMaxSocketPath = 107;

  struct Options {
    // The environment's name: 1–64 of a–z, A–Z, 0–9, '_', '-' and '.', not
    // starting with '.' or '-'.
    std::string environment = {};
    // Which of several running side by side; the same rule.
    std::string instance{kDefaultInstance};
    // --data_dir: the state root to use instead of the default one; relative to
    // where the user is. Empty: the default.
    std::string data_dir = {};
    // The cache root to use instead of the default one. Empty: the default.
    std::string cache_dir = {};
  };

  // Works out the paths without touching anything on disk. InvalidArgumentError
  // for a bad name.
  static absl::StatusOr<InstancePaths> Resolve(
      const Options& options, const HostFacts& host = HostFacts::Current());

  // Resolve(), and makes every directory. Existing ones are checked: ours, no
  // symlink, not open to others. Errors say which directory it is, what is
  // wrong with it and what to do: FailedPreconditionError for one that is a
  // file or somebody else's, PermissionDeniedError, ResourceExhaustedError for
  // a full disk.
  static absl::StatusOr<InstancePaths> Create(
      const Options& options, const HostFacts& host = HostFacts::Current());

  // Removes runtime_directory() with everything in it; the state stays. To be
  // called when nothing runs any more, while the lock is still held.
  void RemoveRuntimeDirectory() const;

  const std::string& environment() const { return environment_; }
  const std::string& instance() const { return instance_; }
  const std::string& state_directory() const { return state_; }
  const std::string& runtime_directory() const { return runtime_; }
  std::string logs_directory() const { return state_ + "/logs"; }
  std::string data_directory() const { return state_ + "/data"; }
  std::string secrets_directory() const { return state_ + "/secrets"; }
  const std::string& cache_directory() const { return cache_; }
  std::string journal_file() const { return state_ + "/journal"; }
  std::string lock_file() const { return state_ + "/lock"; }
  std::string control_socket() const { return runtime_ + "/control/socket"; }
  std::string service_sockets_directory() const {
    return runtime_ + "/services";
  }

 private:
  InstancePaths() = default;

  std::string environment_;
  std::string instance_;
  std::string state_;
  std::string cache_;
  std::string runtime_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_PATHS_H_
