#include <grpcpp/ext/health_check_service_server_builder_option.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <poll.h>

#include <chrono>
#include <memory>
#include <utility>

#include "services/common/grpc_acceptor.h"
#include "services/common/server_main.h"
#include "services/links/server/grpc_service.h"
#include "services/links/server/serve.h"

namespace espalier::links {
namespace {

constexpr int kMaxMessageBytes = 64 * 1024;
constexpr int kMaxThreads = 64;
// Calls that are not answered by then are cancelled.
constexpr std::chrono::seconds kDrainLimit(8);

void WaitReadable(int fd) {
  pollfd watched = {.fd = fd, .events = POLLIN, .revents = 0};
  while (poll(&watched, 1, -1) <= 0) continue;
}

}  // namespace

absl::Status ServeHttp2(LinkStore& store, Listener listener, int stop_fd) {
  // The store is open, so health may say SERVING from the first call on.
  grpc::EnableDefaultHealthCheckService(true);
  GrpcService service(store);
  grpc::ServerBuilder builder;
  builder.RegisterService(&service);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetResourceQuota(
      grpc::ResourceQuota("links").SetMaxThreads(kMaxThreads));
  GrpcAcceptor acceptor(builder, std::move(listener));
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr)
    return absl::UnavailableError("gRPC refused to start the server");
  acceptor.Start();
  WaitReadable(stop_fd);
  ConsumeTermination(stop_fd);
  server->GetHealthCheckService()->SetServingStatus(false);
  acceptor.Stop();
  server->Shutdown(std::chrono::system_clock::now() + kDrainLimit);
  server->Wait();
  return absl::OkStatus();
}

}  // namespace espalier::links
