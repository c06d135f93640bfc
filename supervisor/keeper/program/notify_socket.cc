#include "supervisor/keeper/program/notify_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string_view>

namespace espalier::keeper {
namespace {

constexpr size_t kMaxPassed = 253;  // SCM_MAX_FD of the kernel.

}  // namespace

bool NotifySocket::Open(const std::string& token) {
  socket_.Reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return false;
  const int on = 1;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string name = "espalier-" + token;
  // Behind a NUL byte: abstract.
  name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
  const socklen_t size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  if (setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
      bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
    socket_.Reset();
    return false;
  }
  address_ = "@" + name;
  return true;
}

std::optional<NotifySocket::Received> NotifySocket::Receive() {
  char bytes[kMaxNotifyBytes + 1];
  iovec data = {bytes, sizeof bytes};
  alignas(cmsghdr) char
      control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(kMaxPassed * sizeof(int))];
  msghdr header = {};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t n;
  do {
    n = recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return std::nullopt;
  Received received;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr;
       c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET) continue;
    if (c->cmsg_type == SCM_CREDENTIALS) {
      ucred sender;
      std::memcpy(&sender, CMSG_DATA(c), sizeof sender);
      received.pid = sender.pid;
      received.uid = sender.uid;
    } else if (c->cmsg_type == SCM_RIGHTS) {
      const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        close(fd);
      }
    }
  }
  if ((header.msg_flags & MSG_TRUNC) == 0) {
    received.message =
        ParseNotify(std::string_view(bytes, static_cast<size_t>(n)));
  }
  return received;
}

}  // namespace espalier::keeper
