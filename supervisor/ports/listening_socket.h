#ifndef ESPALIER_SUPERVISOR_PORTS_LISTENING_SOCKET_H_
#define ESPALIER_SUPERVISOR_PORTS_LISTENING_SOCKET_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// A held listener: a listening socket that is opened before the service starts
// and survives its restarts. Clients that connect while no server runs wait in
// the kernel's queue instead of being refused. The service inherits it
// (LISTEN_FDS).
//
// The socket is close-on-exec, and blocking: that is what servers expect of an
// inherited one by systemd's convention, and the flag is shared by all who hold
// the socket. A server with an event loop sets O_NONBLOCK itself, or is given
// the socket with it.
//
// Any thread; nothing blocks.
class ListeningSocket {
 public:
  // How many connections the kernel queues; it silently lowers the number to
  // net.core.somaxconn (4096 on current kernels).
  static constexpr int kBacklog = 4096;

  struct TcpOptions {
    // An IPv4 or IPv6 address of this machine, as digits.
    std::string address = "127.0.0.1";
    // 0: the system chooses a free one.
    uint16_t port = 0;
  };

  struct UnixOptions {
    // Permissions of the socket's file, applied before it becomes visible; the
    // umask is taken off.
    mode_t mode = 0600;
  };

  // Listens on a TCP address. ALREADY_EXISTS when the port is taken,
  // INVALID_ARGUMENT when `address` is not a numeric address.
  static absl::StatusOr<ListeningSocket> ListenTcp(TcpOptions options);
  static absl::StatusOr<ListeningSocket> ListenTcp();

  // Listens on a Unix socket at `path`, which has at most kMaxUnixPath bytes
  // (INVALID_ARGUMENT otherwise). A socket that a dead process left there is
  // replaced; one that somebody listens on, or a file of another kind, is
  // ALREADY_EXISTS.
  static absl::StatusOr<ListeningSocket> ListenUnix(const std::string& path,
                                                    UnixOptions options);
  static absl::StatusOr<ListeningSocket> ListenUnix(const std::string& path);

  ListeningSocket(ListeningSocket&& other) noexcept;
  ListeningSocket& operator=(ListeningSocket&& other) noexcept;

  // Closes the socket and removes a Unix socket's file, unless something else
  // has been put in its place.
  ~ListeningSocket();

  // accept() no longer waits, whoever calls it.
  void SetNonBlocking() const;

  // Stays owned by this object.
  int fd() const { return fd_.get(); }

  // The TCP port; 0 for a Unix socket.
  uint16_t port() const { return port_; }

  // The Unix socket's path; empty for TCP.
  const std::string& path() const { return path_; }

 private:
  ListeningSocket(UniqueFd fd, uint16_t port, std::string path);
  void RemoveFile();

  UniqueFd fd_;
  uint16_t port_;
  std::string path_;
  // Which file it was that we made at path_.
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_PORTS_LISTENING_SOCKET_H_
