#ifndef ESPALIER_SUPERVISOR_INSTANCE_LOCK_HOLDER_H_
#define ESPALIER_SUPERVISOR_INSTANCE_LOCK_HOLDER_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace espalier {

// Who runs an instance, as its lock file tells. For people to read and for
// finding the control socket; the pid is never signalled.
struct LockHolder {
  std::string environment = {};
  std::string instance = {};
  pid_t pid = 0;
  std::string host = {};
  std::string boot_id = {};  // of that host; see BootId()
  absl::Time since = absl::UnixEpoch();
  // At most 4,096 bytes of it.
  std::string command_line = {};
  std::string control_socket = {};
  std::string state_directory = {};

  // One "key value" line for each field.
  std::string Serialize() const;
  // Nothing if `text` is not what Serialize() wrote, e.g. because the holder
  // has not come round to writing it.
  static std::optional<LockHolder> Parse(absl::string_view text);
  // "pid 4711, since 12:03:04 (5m2s ago)".
  std::string Describe() const;
};

// Which start of this machine this is: another text after every reboot; empty
// if the kernel does not tell.
std::string BootId();

// Reads the holder of the lock in `lock_file`: nothing if nobody holds it. A
// holder that has not yet written who it is comes with pid 0; what was written
// on this host before it was booted is no holder's. Takes no lock, so
// that asking never gets in the way of a start. Any thread.
std::optional<LockHolder> FindLockHolder(const std::string& lock_file,
                                         const std::string& boot_id = BootId());

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_INSTANCE_LOCK_HOLDER_H_
