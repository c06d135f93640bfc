#ifndef ESPALIER_SUPERVISOR_CONTROL_CONTROL_SERVER_H_
#define ESPALIER_SUPERVISOR_CONTROL_CONTROL_SERVER_H_

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "supervisor/control/controlled.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Serves control.proto and gRPC's health service on a Unix socket of mode 0600,
// to this user and root.
//
// The loop accepts, checks the peer's uid and reads the first bytes; only a
// connection that has begun to speak HTTP/2 is handed to gRPC, and only the
// first such one brings gRPC's threads to life. So at rest nothing runs, and
// nothing but a real client reaches gRPC. Handlers run on gRPC's threads, post
// to the loop and are answered from there.
//
// Everything is bounded: when there is one connection too many, the oldest
// gives way, never the newest, so that somebody with a thousand idle
// connections locks nobody out. A watcher which does not keep up is told to
// resume.
//
// The loop's thread only.
class ControlServer {
 public:
  struct Options {
    // At most 107 characters, in a directory that is there and private:
    // InstancePaths::control_socket().
    std::string socket_path = {};
    // Which run of the environment this is, so that no client resumes with the
    // revision of another run. Empty: made from pid and time.
    std::string run_id = {};
    // Connections that speak gRPC.
    size_t max_connections = 64;
    // Connections which have not said anything so far.
    size_t max_silent_connections = 64;
    // Changes that wait for one watcher before it is told to resume.
    size_t max_queued_changes = 1024;
    // Changes that are kept for those who resume.
    size_t max_history = 4096;
    // Who may connect besides root.
    uid_t allowed_uid =
        static_cast<uid_t>(-1);  // -1: this process's effective user
    // How long ending may wait for clients to take their last message.
    absl::Duration shutdown_grace = absl::Seconds(1);
  };

  // Listens on the socket; a socket file that is there is replaced, since the
  // InstanceLock says that nobody uses it. `loop` and `controlled` must outlive
  // the server. Errors name the path.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(
      Loop* loop, Controlled* controlled, Options options);

  // Ends every stream with the message that the environment has ended, every
  // other call with UNAVAILABLE, closes all connections and removes the socket.
  // Blocks for up to `shutdown_grace`, and only if gRPC was in use.
  virtual ~ControlServer() = default;

  // Counts of what was turned away since the start.
  struct Refused {
    int64_t other_user = 0;
    int64_t not_grpc = 0;
    int64_t too_many = 0;
  };
  virtual Refused refused() const = 0;
  // Whether a client has come yet, and gRPC runs.
  virtual bool awake() const = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CONTROL_SERVER_H_
