#ifndef ESPALIER_SUPERVISOR_TESTING_GRPC_STAND_IN_H_
#define ESPALIER_SUPERVISOR_TESTING_GRPC_STAND_IN_H_

#include <memory>
#include <string>

#include "grpcpp/impl/service_type.h"
#include "grpcpp/server.h"
#include "supervisor/wiring/endpoint.h"

namespace espalier {

// A service's gRPC API, answered by a fake inside the test's process. Its
// endpoint goes into a handle of the very type that the real one has:
//
//   FakeLinks fake;  // : public v1::Links::Service
//   GrpcStandIn server(&fake);
//   Links<Http2Url> links{.url = server.url()};
//   … StartGateway(nursery, links, std::nullopt) …
//
// It belongs to no service, so nothing waits for it; it serves from the
// beginning to the end of its life, with gRPC's health service. `service` is
// called on gRPC's threads, and must outlive it.
class GrpcStandIn {
 public:
  explicit GrpcStandIn(grpc::Service* service);
  // Cancels the calls that are open.
  ~GrpcStandIn();

  const Http2Url& url() const { return url_; }

 private:
  std::unique_ptr<grpc::Server> server_;
  Http2Url url_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_GRPC_STAND_IN_H_
