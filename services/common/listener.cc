#include "services/common/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace espalier {
namespace {

constexpr int kFirstInheritedFd = 3;
constexpr int kBacklog = 1024;

// A socket address of any family, as the socket calls want it.
struct Address {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  template <typename T>
  T& As() {
    return reinterpret_cast<T&>(storage);
  }
};

absl::StatusOr<Address> ParseAddress(absl::string_view text) {
  const auto error = absl::InvalidArgumentError(
      absl::StrCat("the address \"", text,
                   "\" is not of the form 127.0.0.1:8080 or [::1]:8080"));
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == text.npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) ||
      port > 65535)
    return error;
  std::string host(text.substr(0, colon));
  Address address;
  if (inet_pton(AF_INET, host.c_str(), &address.As<sockaddr_in>().sin_addr) ==
      1) {
    address.As<sockaddr_in>().sin_family = AF_INET;
    address.As<sockaddr_in>().sin_port = htons(static_cast<uint16_t>(port));
    address.size = sizeof(sockaddr_in);
    return address;
  }
  absl::string_view inner = host;
  if (!absl::ConsumePrefix(&inner, "[") || !absl::ConsumeSuffix(&inner, "]"))
    return error;
  if (inet_pton(AF_INET6, std::string(inner).c_str(),
                &address.As<sockaddr_in6>().sin6_addr) != 1)
    return error;
  address.As<sockaddr_in6>().sin6_family = AF_INET6;
  address.As<sockaddr_in6>().sin6_port = htons(static_cast<uint16_t>(port));
  address.size = sizeof(sockaddr_in6);
  return address;
}

Address LocalAddress(int fd) {
  Address address;
  if (getsockname(fd, address.get(), &address.size) != 0)
    address.storage.ss_family = AF_UNSPEC;
  return address;
}

int SocketOption(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// The value of an environment variable, which is removed; empty when unset.
std::string TakeVariable(const char* name) {
  const char* value = getenv(name);
  std::string copy = value == nullptr ? "" : value;
  unsetenv(name);
  return copy;
}

}  // namespace

absl::StatusOr<Listener> Listener::Adopt(int fd) {
  Listener listener(fd);
  if (SocketOption(fd, SO_ACCEPTCONN) != 1 ||
      SocketOption(fd, SO_TYPE) != SOCK_STREAM) {
    return absl::InvalidArgumentError(
        absl::StrCat("descriptor ", fd, " is not a listening stream socket"));
  }
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
      fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot set descriptor ", fd, " to non-blocking"));
  }
  return listener;
}

absl::StatusOr<Listener> Listener::Inherit() {
  const std::string pid_text = TakeVariable("LISTEN_PID");
  const std::string count_text = TakeVariable("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  int pid = 0;
  int count = 0;
  if (!absl::SimpleAtoi(pid_text, &pid) || pid != getpid() ||
      !absl::SimpleAtoi(count_text, &count) || count == 0) {
    return absl::NotFoundError(
        "no listening socket was passed to this process");
  }
  if (count != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "LISTEN_FDS is ", count, ", but this server takes one socket"));
  }
  return Adopt(kFirstInheritedFd);
}

absl::StatusOr<Listener> Listener::Bind(absl::string_view text) {
  absl::StatusOr<Address> address = ParseAddress(text);
  if (!address.ok()) return address.status();
  const int fd =
      socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  if (fd < 0 ||
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
      bind(fd, address->get(), address->size) != 0 ||
      listen(fd, kBacklog) != 0) {
    const int error = errno;
    if (fd >= 0) close(fd);
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", text, ": ", strerror(error)));
  }
  return Adopt(fd);
}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Listener::~Listener() {
  if (fd_ >= 0) close(fd_);
}

std::string Listener::address() const {
  Address address = LocalAddress(fd_);
  char host[INET6_ADDRSTRLEN] = "";
  switch (address.storage.ss_family) {
    case AF_INET:
      inet_ntop(AF_INET, &address.As<sockaddr_in>().sin_addr, host,
                sizeof(host));
      return absl::StrCat(host, ":", port());
    case AF_INET6:
      inet_ntop(AF_INET6, &address.As<sockaddr_in6>().sin6_addr, host,
                sizeof(host));
      return absl::StrCat("[", host, "]:", port());
    case AF_UNIX:
      return absl::StrCat("unix:", address.As<sockaddr_un>().sun_path);
    default:
      return "an unknown address";
  }
}

int Listener::port() const {
  Address address = LocalAddress(fd_);
  switch (address.storage.ss_family) {
    case AF_INET:
      return ntohs(address.As<sockaddr_in>().sin_port);
    case AF_INET6:
      return ntohs(address.As<sockaddr_in6>().sin6_port);
    default:
      return 0;
  }
}

absl::StatusOr<Listener> InheritOrBind(absl::string_view address) {
  absl::StatusOr<Listener> inherited = Listener::Inherit();
  if (inherited.ok() || !absl::IsNotFound(inherited.status())) return inherited;
  if (address.empty()) {
    return absl::InvalidArgumentError(
        "no listening socket was passed to this process; to run it by hand, "
        "say --address=127.0.0.1:8080");
  }
  return Listener::Bind(address);
}

}  // namespace espalier
