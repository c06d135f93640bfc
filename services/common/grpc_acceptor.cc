#include "services/common/grpc_acceptor.h"

#include <grpc/grpc.h>
#include <grpcpp/security/server_credentials.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace espalier {
namespace {

constexpr int kOutOfDescriptorsPauseMs = 100;

// Whether accept failed for want of something that others may give back soon.
bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

}  // namespace

GrpcAcceptor::GrpcAcceptor(grpc::ServerBuilder& builder, Listener listener)
    : listener_(std::move(listener)),
      stop_fd_(eventfd(0, EFD_CLOEXEC)),
      acceptor_(builder.experimental().AddExternalConnectionAcceptor(
          grpc::ServerBuilder::experimental_type::ExternalConnectionType::
              FROM_FD,
          grpc::InsecureServerCredentials())) {
  // Once, and for good: what gRPC does when its last user goes would wait for a
  // poller of its own, for up to 10 s if a client was slow.
  [[maybe_unused]] static const bool kept = (grpc_init(), true);
  if (stop_fd_ < 0) {
    perror("cannot make an event descriptor");
    abort();
  }
}

GrpcAcceptor::~GrpcAcceptor() {
  Stop();
  close(stop_fd_);
}

void GrpcAcceptor::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void GrpcAcceptor::Stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(stop_fd_, &one, sizeof(one));
  thread_.join();
}

void GrpcAcceptor::Loop() {
  pollfd watched[] = {{.fd = stop_fd_, .events = POLLIN, .revents = 0},
                      {.fd = listener_.fd(), .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(watched, 2, -1) < 0) continue;
    if (watched[0].revents != 0) return;
    const int fd =
        accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      // The connection stays in the queue, so without a pause this would spin.
      if (IsShortage(errno)) poll(watched, 1, kOutOfDescriptorsPauseMs);
      continue;
    }
    // Fails on a Unix socket, which needs none.
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
        connection;
    connection.listener_fd = listener_.fd();
    connection.fd = fd;
    acceptor_->HandleNewConnection(&connection);
  }
}

}  // namespace espalier
