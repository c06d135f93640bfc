#ifndef ESPALIER_SUPERVISOR_PORTS_PORT_RESERVATION_H_
#define ESPALIER_SUPERVISOR_PORTS_PORT_RESERVATION_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// Holds a free TCP port for a service which binds it itself, as long as this
// object, or a duplicate of its descriptor, lives: through every restart.
//
// It is a socket that is bound to all addresses with SO_REUSEADDR and never
// listens. Linux then gives the port to no bind(0) and to no connect(), yet a
// server which also sets SO_REUSEADDR (as servers do) can bind it on any
// address and listen. What it cannot prevent is a process that binds this very
// port on purpose: see CheckListenerOwnedBy() in listener_owner.h.
//
// Any thread; nothing blocks.
class PortReservation {
 public:
  // Reserves a port that the system chooses, on IPv4 and, where the machine has
  // it, on IPv6. RESOURCE_EXHAUSTED when there is no port or descriptor left.
  static absl::StatusOr<PortReservation> Reserve();

  // Never 0.
  uint16_t port() const { return port_; }

  // The reserving socket (close-on-exec); stays owned by this object. Whoever
  // holds a duplicate of it holds the port.
  int fd() const { return fd_.get(); }

 private:
  PortReservation(UniqueFd fd, uint16_t port)
      : fd_(std::move(fd)), port_(port) {}

  UniqueFd fd_;
  uint16_t port_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_PORTS_PORT_RESERVATION_H_
