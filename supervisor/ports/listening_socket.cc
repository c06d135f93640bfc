#include "supervisor/ports/listening_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

// Whether the file at `path` is a socket on which nobody listens: what a
// process leaves behind when it dies.
bool IsStaleSocket(const std::string& path, const SocketAddress& name) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  UniqueFd client(
      socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return client.valid() &&
         connect(client.get(), name.get(), name.size()) != 0 &&
         errno == ECONNREFUSED;
}

absl::Status ErrnoStatus() {
  const int error = errno;
  return absl::Status(error == EADDRINUSE ? absl::StatusCode::kAlreadyExists
                                          : absl::ErrnoToStatusCode(error),
                      strerror(error));
}

absl::Status CannotListen(const std::string& where, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat("cannot listen on ", where, ": ",
                                               why.message()));
}

}  // namespace

absl::StatusOr<ListeningSocket> ListeningSocket::ListenTcp() {
  return ListenTcp(TcpOptions());
}

absl::StatusOr<ListeningSocket> ListeningSocket::ListenTcp(TcpOptions options) {
  const std::string where =
      absl::StrCat(options.address, " port ", options.port);
  absl::StatusOr<SocketAddress> name =
      SocketAddress::Tcp(options.address, options.port);
  if (!name.ok()) return CannotListen(where, name.status());
  UniqueFd fd(socket(name->family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  // With SO_REUSEADDR a fixed port can be had again while connections of an
  // earlier run are still in TIME_WAIT, and a reserved one at all.
  if (!fd.valid() ||
      setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      bind(fd.get(), name->get(), name->size()) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    return CannotListen(where, ErrnoStatus());
  }
  name = SocketAddress::Of(fd.get());
  if (!name.ok()) return CannotListen(where, name.status());
  return ListeningSocket(std::move(fd), name->port(), "");
}

absl::StatusOr<ListeningSocket> ListeningSocket::ListenUnix(
    const std::string& path) {
  return ListenUnix(path, UnixOptions());
}

absl::StatusOr<ListeningSocket> ListeningSocket::ListenUnix(
    const std::string& path, UnixOptions options) {
  absl::StatusOr<SocketAddress> name = SocketAddress::Unix(path);
  if (!name.ok()) return CannotListen(path, name.status());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  // The permissions of an unbound socket become those of its file, so that it
  // is at no moment more open than it should be.
  if (!fd.valid() || fchmod(fd.get(), options.mode) != 0) {
    return CannotListen(path, ErrnoStatus());
  }
  int result = bind(fd.get(), name->get(), name->size());
  if (result != 0 && errno == EADDRINUSE) {
    if (IsStaleSocket(path, *name)) unlink(path.c_str());
    result = bind(fd.get(), name->get(), name->size());
  }
  if (result != 0 || listen(fd.get(), kBacklog) != 0) {
    return CannotListen(path, ErrnoStatus());
  }
  return ListeningSocket(std::move(fd), 0, path);
}

ListeningSocket::ListeningSocket(UniqueFd fd, uint16_t port, std::string path)
    : fd_(std::move(fd)), port_(port), path_(std::move(path)) {
  struct stat info;
  if (!path_.empty() && lstat(path_.c_str(), &info) == 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
}

ListeningSocket::ListeningSocket(ListeningSocket&& other) noexcept
    : fd_(std::move(other.fd_)),
      port_(other.port_),
      path_(std::exchange(other.path_, "")),
      device_(other.device_),
      inode_(other.inode_) {}

ListeningSocket& ListeningSocket::operator=(ListeningSocket&& other) noexcept {
  if (this == &other) return *this;
  RemoveFile();
  fd_ = std::move(other.fd_);
  port_ = other.port_;
  path_ = std::exchange(other.path_, "");
  device_ = other.device_;
  inode_ = other.inode_;
  return *this;
}

ListeningSocket::~ListeningSocket() { RemoveFile(); }

void ListeningSocket::SetNonBlocking() const {
  fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
}

void ListeningSocket::RemoveFile() {
  struct stat info;
  if (!path_.empty() && lstat(path_.c_str(), &info) == 0 &&
      info.st_dev == device_ && info.st_ino == inode_) {
    unlink(path_.c_str());
  }
}

}  // namespace espalier
