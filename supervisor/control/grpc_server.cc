#include "supervisor/control/grpc_server.h"

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "grpc/grpc.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/slice.h"

namespace espalier {
namespace {

// No request of ours is near that.
constexpr int kMaxRequestBytes = 256 * 1024;
constexpr int kMaxCallsPerConnection = 64;

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    grpc::Service* service, const std::string& service_name) {
  // Once, and for good: what gRPC does when its last user goes would wait for a
  // poller of its own, for up to 10 s if a client was slow.
  [[maybe_unused]] static const bool kept = (grpc_init(), true);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.RegisterService(service);
  builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             kMaxCallsPerConnection);
  using External = grpc::ServerBuilder::experimental_type;
  std::unique_ptr<Acceptor> acceptor =
      builder.experimental().AddExternalConnectionAcceptor(
          External::ExternalConnectionType::FROM_FD,
          // The gate has checked who it is.
          grpc::InsecureServerCredentials());
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) {
    return absl::InternalError(
        "gRPC's server for the control API cannot start");
  }
  server->GetHealthCheckService()->SetServingStatus(service_name, true);
  return std::unique_ptr<GrpcServer>(
      new GrpcServer(std::move(acceptor), std::move(server)));
}

void GrpcServer::Admit(UniqueFd connection, const std::string& read) {
  Acceptor::NewConnectionParameters parameters;
  parameters.fd = connection.Release();
  const grpc::Slice slice(read);
  parameters.read_buffer = grpc::ByteBuffer(&slice, 1);
  acceptor_->HandleNewConnection(&parameters);
}

void GrpcServer::Shutdown(absl::Duration grace) {
  const absl::Time deadline = absl::Now() + grace;
  server_->Shutdown(absl::ToChronoTime(deadline));
}

}  // namespace espalier
