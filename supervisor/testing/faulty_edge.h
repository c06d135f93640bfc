#ifndef ESPALIER_SUPERVISOR_TESTING_FAULTY_EDGE_H_
#define ESPALIER_SUPERVISOR_TESTING_FAULTY_EDGE_H_

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/loop/loop.h"
#include "supervisor/testing/edge_proxy.h"
#include "supervisor/testing/test_directory.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

// A connection between two services that a test can spoil, without either of
// them knowing: a proxy stands in between.
//
//   FaultyEdge edge;
//   auto two = TestEnvironment<Gateway>::Start("two", [&](Nursery& nursery) {
//     return … StartGateway(nursery, edge.Through(links), std::nullopt) …
//   });
//   edge.BlackHole();
//
// Without a fault it is a bare connection, a little slower. One may carry
// several handles. All calls come from any thread, block until they have taken
// effect, and hold for open and later connections unless said otherwise. It
// must outlive the environments that use it.
class FaultyEdge {
 public:
  FaultyEdge();
  ~FaultyEdge();
  FaultyEdge(const FaultyEdge&) = delete;
  FaultyEdge& operator=(const FaultyEdge&) = delete;

  // The same handle, whose endpoints lead through this edge. Who uses it still
  // depends on the same service.
  template <Handle H>
  H Through(const H& handle) {
    HandleData data = handle.ToHandleData();
    Redirect(data);
    std::string error;
    return *H::FromHandleData(HandleReader(&data, "edge", &error));
  }

  template <std::derived_from<Endpoint> E>
  E Through(const E& endpoint) {
    HandleData data = FieldCodec<E>::Write(endpoint);
    Redirect(data);
    std::string error;
    return *FieldCodec<E>::Read(HandleReader(&data, "edge", &error));
  }

  // How long each byte takes, in each direction.
  void SetLatency(absl::Duration latency);
  // How much passes in a second, in each direction of each connection. Must be
  // more than 0; for nothing at all there is BlackHole().
  void SetBandwidth(double bytes_per_second);
  // Nothing passes any more, not even the end of a connection; connections
  // stay, and new ones are accepted.
  void BlackHole();
  // Ends all that are open, with a reset at both ends; new ones work.
  void Reset();
  // Ends all that are open, of which only the server is told; new ones work.
  void HalfOpen();
  // No fault from now on. What was held back passes at once; what was ended
  // stays so.
  void Heal();

  // How many connections are open, from clients' point of view. A client that
  // ends one in a black hole is not noticed before Heal().
  size_t connections();

 private:
  void Redirect(HandleData& data);
  EndpointAddress MakeProxy(const EndpointAddress& target);
  void OnLoop(const std::function<void()>& task);
  void Change(const std::function<void(EdgeFaults&)>& change);

  TestDirectory directory_;  // of proxies' Unix sockets
  Loop loop_;
  std::thread thread_;
  // The loop's thread only.
  EdgeFaults faults_;
  std::vector<std::unique_ptr<EdgeProxy>> proxies_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_FAULTY_EDGE_H_
