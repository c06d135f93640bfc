#include "supervisor/testing/grpc_stand_in.h"

#include <chrono>

#include "glog/logging.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

namespace espalier {
namespace {

std::unique_ptr<grpc::Server> Serve(grpc::Service* service, int& port) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.RegisterService(service);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  CHECK(server != nullptr) << "gRPC cannot start a server on 127.0.0.1";
  return server;
}

Http2Url Url(int port) {
  return EndpointAccess::Make<Http2Url>(
      {.name = "url", .host = "127.0.0.1", .port = std::to_string(port)});
}

}  // namespace

GrpcStandIn::GrpcStandIn(grpc::Service* service) : url_(Url(0)) {
  int port = 0;
  server_ = Serve(service, port);
  url_ = Url(port);
}

GrpcStandIn::~GrpcStandIn() {
  server_->Shutdown(std::chrono::system_clock::now());
}

}  // namespace espalier
