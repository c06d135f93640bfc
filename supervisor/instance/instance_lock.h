#ifndef ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_LOCK_H_
#define ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_LOCK_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/instance/instance_paths.h"

namespace espalier {

// Held by the one process that runs an instance. The kernel drops it when that
// process dies, however it dies; so whether an instance runs is judged by the
// lock and never by a pid that may be somebody else's by now.
//
// The lock file says who holds it: see LockHolder. It stays when the lock is
// released, empty.
//
// Movable. Any thread, one at a time. Children must not inherit it: its
// descriptor is close-on-exec.
class [[nodiscard]] InstanceLock {
 public:
  // Locks the instance for this process; its directories must exist
  // (InstancePaths::Create). AlreadyExistsError if it runs already, in this
  // process or another: the message names the holder and says what to do. Never
  // waits.
  static absl::StatusOr<InstanceLock> Acquire(const InstancePaths& paths);

  InstanceLock(InstanceLock&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)) {}
  InstanceLock& operator=(InstanceLock&& other) noexcept;
  // Releases it.
  ~InstanceLock();

 private:
  explicit InstanceLock(int fd) : fd_(fd) {}

  int fd_;
};

// Returns when nobody holds the lock in `lock_file`, or does not exist. Blocks;
// however long it takes.
absl::Status WaitUntilUnlocked(const std::string& lock_file);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_INSTANCE_INSTANCE_LOCK_H_
