#ifndef ESPALIER_SUPERVISOR_CONTROL_GRPC_SERVER_H_
#define ESPALIER_SUPERVISOR_CONTROL_GRPC_SERVER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// A gRPC server that listens nowhere: connections are handed to it. With gRPC's
// health service. As long as it lives there are threads of gRPC's.
class GrpcServer {
 public:
  // Serves `service`, which must outlive it, and whose full name is
  // `service_name`.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      grpc::Service* service, const std::string& service_name);

  // `read` is what was read from `connection` already. Any thread.
  void Admit(UniqueFd connection, const std::string& read);

  // Ends the server; calls that are still open after `grace` are cancelled.
  // Blocks that long at most, plus the moment it takes them to end.
  void Shutdown(absl::Duration grace);

 private:
  using Acceptor = grpc::experimental::ExternalConnectionAcceptor;

  GrpcServer(std::unique_ptr<Acceptor> acceptor,
             std::unique_ptr<grpc::Server> server)
      : acceptor_(std::move(acceptor)), server_(std::move(server)) {}

  const std::unique_ptr<Acceptor> acceptor_;
  const std::unique_ptr<grpc::Server> server_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_GRPC_SERVER_H_
