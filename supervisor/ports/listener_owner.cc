#include "supervisor/ports/listener_owner.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "supervisor/ports/listeners.h"
#include "supervisor/ports/process_sockets.h"

namespace espalier {
namespace {

// Who has the socket open, for a person.
std::string DescribeHolder(const Listener& listener) {
  for (pid_t pid : AllProcesses()) {
    absl::StatusOr<absl::flat_hash_set<uint64_t>> sockets = SocketsOf(pid);
    if (sockets.ok() && sockets->contains(listener.inode)) {
      return absl::StrCat("process ", pid, " (", ProcessName(pid), ") of user ",
                          listener.uid);
    }
  }
  return absl::StrCat("a process of user ", listener.uid,
                      " that cannot be seen from here");
}

}  // namespace

absl::Status CheckListenerOwnedBy(uint16_t port,
                                  absl::Span<const pid_t> processes) {
  absl::StatusOr<std::vector<Listener>> listeners = FindListeners(port);
  if (!listeners.ok()) {
    return absl::Status(listeners.status().code(),
                        absl::StrCat("cannot tell who listens on port ", port,
                                     ": ", listeners.status().message()));
  }
  if (listeners->empty()) {
    return absl::UnavailableError(
        absl::StrCat("nothing listens on port ", port));
  }
  absl::flat_hash_set<uint64_t> strangers;
  for (const Listener& listener : *listeners) strangers.insert(listener.inode);
  std::string unseen;
  for (pid_t pid : processes) {
    if (strangers.empty()) break;
    absl::StatusOr<absl::flat_hash_set<uint64_t>> sockets = SocketsOf(pid);
    if (sockets.ok()) {
      for (uint64_t inode : *sockets) strangers.erase(inode);
    } else if (absl::IsPermissionDenied(sockets.status())) {
      unseen = absl::StrCat("; ", sockets.status().message());
    }
  }
  for (const Listener& listener : *listeners) {
    if (!strangers.contains(listener.inode)) continue;
    return absl::PermissionDeniedError(
        absl::StrCat("the listener on ", listener.address, " port ", port,
                     " does not belong to the service, but to ",
                     DescribeHolder(listener), unseen));
  }
  return absl::OkStatus();
}

absl::Status CheckListenerOwnedBy(uint16_t port, pid_t root) {
  return CheckListenerOwnedBy(port, ProcessTree(root));
}

}  // namespace espalier
