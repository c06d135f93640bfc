#ifndef ESPALIER_SUPERVISOR_PORTS_LISTENERS_H_
#define ESPALIER_SUPERVISOR_PORTS_LISTENERS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace espalier {

// A listening TCP socket, as the kernel describes it.
struct Listener {
  // Its number in /proc/<pid>/fd: "socket:[inode]".
  uint64_t inode = 0;
  // Who made it.
  uid_t uid = 0;
  // What it is bound to, such as "127.0.0.1" or "::".
  std::string address;
};

// Every socket of this network namespace that listens on `port` and could be
// given a connection to 127.0.0.1: those bound to 127.0.0.1, 0.0.0.0,
// ::ffff:127.0.0.1 and, unless it is IPv6-only, ::. Empty if nobody listens.
//
// Asks the kernel through sock_diag, and reads /proc/net/tcp and tcp6 where
// that is denied; there a socket on :: counts even if it is IPv6-only. Works
// for unprivileged users. Any thread; it answers at once.
absl::StatusOr<std::vector<Listener>> FindListeners(uint16_t port);

namespace internal {

// The two sources of FindListeners(), apart for tests.
absl::StatusOr<std::vector<Listener>> FindListenersBySockDiag(uint16_t port);
absl::StatusOr<std::vector<Listener>> FindListenersInProc(uint16_t port);

}  // namespace internal
}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_PORTS_LISTENERS_H_
