#ifndef ESPALIER_SUPERVISOR_TESTING_EDGE_PROXY_H_
#define ESPALIER_SUPERVISOR_TESTING_EDGE_PROXY_H_

#include <cstddef>
#include <limits>
#include <list>
#include <memory>

#include "absl/time/time.h"
#include "supervisor/loop/loop.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// What is wrong with a connection between two services.
struct EdgeFaults {
  // How long each byte takes, in each direction.
  absl::Duration latency = absl::ZeroDuration();
  // How many bytes pass in a second, in each direction of each connection; more
  // than 0.
  double bytes_per_second = std::numeric_limits<double>::infinity();
  // Nothing passes. Connections stay, and new ones are accepted.
  bool black_hole = false;
};

// Passes on what comes in on a listening socket to another address, as faults
// allow. The loop's thread only.
class EdgeProxy {
 public:
  // `loop` and `faults` must outlive the proxy.
  EdgeProxy(Loop* loop, UniqueFd listener, SocketAddress target,
            const EdgeFaults* faults);
  EdgeProxy(const EdgeProxy&) = delete;
  EdgeProxy& operator=(const EdgeProxy&) = delete;
  // Closes every connection.
  ~EdgeProxy();

  // To be called when the faults have changed.
  void OnFaultsChange();
  // Ends every connection as if the other side's machine had been restarted:
  // both ends get a reset.
  void Reset();
  // Ends the connections to the target, and tells the clients nothing. A
  // client's connection is forgotten when the client ends it.
  void HalfOpen();

  size_t connections() const { return connections_.size(); }

 private:
  class Connection;

  void Accept();
  void Forget(Connection* connection);

  Loop* const loop_;
  const UniqueFd listener_;
  const SocketAddress target_;
  const EdgeFaults* const faults_;
  std::list<std::unique_ptr<Connection>> connections_;
  // Have ended, and are destroyed in the next turn of the loop.
  std::list<std::unique_ptr<Connection>> forgotten_;
  Loop::Watch sweep_;
  Loop::Watch acceptable_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_EDGE_PROXY_H_
