#ifndef ESPALIER_SERVICES_COMMON_GRPC_ACCEPTOR_H_
#define ESPALIER_SERVICES_COMMON_GRPC_ACCEPTOR_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <thread>

#include "services/common/listener.h"

namespace espalier {

// Accepts connections on a listening socket, on a thread of its own, and hands
// them to a gRPC server, which could not take over a socket that listens
// already. What is not accepted waits in the kernel for the next holder of the
// socket.
class GrpcAcceptor {
 public:
  // Registers with `builder`; nothing is accepted before Start.
  GrpcAcceptor(grpc::ServerBuilder& builder, Listener listener);
  GrpcAcceptor(const GrpcAcceptor&) = delete;
  GrpcAcceptor& operator=(const GrpcAcceptor&) = delete;
  // Stops. Must come before the server is destroyed.
  ~GrpcAcceptor();

  // Begins to accept; the builder's server must be running.
  void Start();

  // Accepts nothing any more, and returns when the thread has ended.
  // Connections handed over stay with the server.
  void Stop();

 private:
  void Loop();

  Listener listener_;
  int stop_fd_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::thread thread_;
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_GRPC_ACCEPTOR_H_
