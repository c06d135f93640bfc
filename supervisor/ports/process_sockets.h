#ifndef ESPALIER_SUPERVISOR_PORTS_PROCESS_SOCKETS_H_
#define ESPALIER_SUPERVISOR_PORTS_PROCESS_SOCKETS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

namespace espalier {

// What /proc says about processes. It is a snapshot: processes come and go
// while it is read, and one that has gone simply is not in it. Any thread.

// No more processes than this are looked at in one call.
inline constexpr size_t kMaxProcesses = 1 << 17;

// `root` and everything that descends from it. A process whose parent has died
// has become the child of somebody else and is not found.
std::vector<pid_t> ProcessTree(pid_t root);

// Every process that can be seen.
std::vector<pid_t> AllProcesses();

// The inodes of the sockets which `pid` has open. NOT_FOUND if there is no such
// process; PERMISSION_DENIED if it may not be looked into. Root may look into
// any user's process even without CAP_SYS_PTRACE, which containers take away:
// for the time of the call this thread then takes on the owner's file system
// identity.
absl::StatusOr<absl::flat_hash_set<uint64_t>> SocketsOf(pid_t pid);

// The command's name, at most 15 bytes, unprintable ones replaced; "?" if it
// cannot be told.
std::string ProcessName(pid_t pid);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_PORTS_PROCESS_SOCKETS_H_
