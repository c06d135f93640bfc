#ifndef ESPALIER_SUPERVISOR_PORTS_LISTENER_OWNER_H_
#define ESPALIER_SUPERVISOR_PORTS_LISTENER_OWNER_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace espalier {

// OK if whoever connects to 127.0.0.1:`port` now reaches one of `processes`:
// somebody listens there, and each socket that could be given the connection is
// open in one of them. Otherwise an error for a person to read:
//   UNAVAILABLE        nobody listens there (yet);
//   PERMISSION_DENIED  a stranger listens there: names that process, or its
//                      user where the process cannot be seen.
//
// Unprivileged users can check their own processes. Any thread; reads /proc and
// answers at once (the search for the stranger's name looks at every process).
absl::Status CheckListenerOwnedBy(uint16_t port,
                                  absl::Span<const pid_t> processes);

// The same for `root` and what descends from it.
absl::Status CheckListenerOwnedBy(uint16_t port, pid_t root);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_PORTS_LISTENER_OWNER_H_
