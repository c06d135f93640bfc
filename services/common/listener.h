#ifndef ESPALIER_SERVICES_COMMON_LISTENER_H_
#define ESPALIER_SERVICES_COMMON_LISTENER_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace espalier {

// A listening TCP or Unix socket: non-blocking, close-on-exec, owned. An
// inherited one stays open in whoever passed it on, so that connections queue
// in the kernel while this process is replaced.
class Listener {
 public:
  // Takes `fd`, which must be a listening stream socket; InvalidArgument
  // otherwise, and `fd` is closed.
  static absl::StatusOr<Listener> Adopt(int fd);

  // The socket this process was started with, by systemd's protocol: LISTEN_PID
  // is this process, LISTEN_FDS is "1", the socket is descriptor 3. NotFound
  // when nothing was passed; InvalidArgument when something was, but is of no
  // use. Removes the variables, so that children do not take them for theirs.
  // To be called before threads are started.
  static absl::StatusOr<Listener> Inherit();

  // Listens on `address`: "127.0.0.1:8080", "[::1]:8080"; port 0 lets the
  // kernel choose. InvalidArgument when the address cannot be read, Unavailable
  // when it cannot be had.
  static absl::StatusOr<Listener> Bind(absl::string_view address);

  Listener(Listener&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();

  int fd() const { return fd_; }

  // Gives the descriptor away; this object owns nothing afterwards.
  int Release() { return std::exchange(fd_, -1); }

  // Where it listens, as a client writes it: "127.0.0.1:8080", "[::1]:8080",
  // "unix:/path".
  std::string address() const;

  // The TCP port in host byte order; 0 for a Unix socket.
  int port() const;

 private:
  explicit Listener(int fd) : fd_(fd) {}

  int fd_;
};

// The inherited socket, or, when there is none and `address` is not empty, one
// bound to `address`. InvalidArgument says what to pass when there is neither.
absl::StatusOr<Listener> InheritOrBind(absl::string_view address);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_LISTENER_H_
