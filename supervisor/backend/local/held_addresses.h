#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_HELD_ADDRESSES_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_HELD_ADDRESSES_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/local/service_files.h"
#include "supervisor/ports/listening_socket.h"
#include "supervisor/ports/port_reservation.h"
#include "supervisor/wiring/endpoint.h"

namespace espalier {

// The ports and listening sockets of services, which are theirs whether they
// run or not. Closed when this is destroyed. The loop's thread only.
class HeldAddresses {
 public:
  // What is held for one service.
  struct Held {
    std::vector<std::pair<std::string, ListeningSocket>>
        listeners;  // by endpoint name, in order
    std::vector<PortReservation> ports;

    bool Listens(absl::string_view endpoint) const;
  };

  // `files` must outlive this.
  explicit HeldAddresses(const ServiceFiles& files) : files_(files) {}

  // As Backend's methods of the same names.
  absl::StatusOr<EndpointAddress> Listen(absl::string_view service,
                                         absl::string_view name);
  absl::StatusOr<EndpointAddress> ListenUnix(absl::string_view service,
                                             absl::string_view name);
  absl::StatusOr<EndpointAddress> Reserve(absl::string_view service,
                                          absl::string_view name);
  absl::StatusOr<EndpointAddress> SocketPath(absl::string_view service,
                                             absl::string_view name,
                                             absl::string_view file) const;

  // Null if nothing is held for that service; valid as long as this lives.
  const Held* Of(absl::string_view service) const;

 private:
  Held& Make(absl::string_view service);

  const ServiceFiles& files_;
  absl::flat_hash_map<std::string, std::unique_ptr<Held>> held_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_HELD_ADDRESSES_H_
