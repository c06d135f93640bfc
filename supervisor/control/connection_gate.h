#ifndef ESPALIER_SUPERVISOR_CONTROL_CONNECTION_GATE_H_
#define ESPALIER_SUPERVISOR_CONTROL_CONNECTION_GATE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "supervisor/loop/loop.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// The door of the control socket. Accepts on the loop; turns away other users
// and whatever does not begin as an HTTP/2 connection does; passes on the rest
// and keeps count of them, without a thread and without a timer.
//
// Of too many connections the oldest is closed, never the newest: whoever holds
// a thousand idle ones locks nobody out.
//
// The loop's thread only.
class ConnectionGate {
 public:
  struct Options {
    std::string socket_path = {};
    size_t max_open = 64;
    size_t max_silent = 64;
    // Who is let in besides root.
    uid_t allowed_uid = 0;
  };
  struct Refused {
    int64_t other_user = 0;
    int64_t not_http2 = 0;
    int64_t too_many = 0;
  };

  // Takes over a connection and the bytes that were read from it already.
  using Admit = std::function<void(UniqueFd connection, std::string read)>;

  // Replaces what is at the path. Errors name it.
  static absl::StatusOr<std::unique_ptr<ConnectionGate>> Open(Loop* loop,
                                                              Options options,
                                                              Admit admit);
  // Closes every connection, also those that were passed on, and removes the
  // socket.
  ~ConnectionGate();

  const Refused& refused() const { return refused_; }

 private:
  // One that has not said enough.
  struct Silent {
    UniqueFd fd;
    std::string read;
    Loop::Watch readable;
  };
  using SilentList = std::list<Silent>;
  using OpenMap = std::map<uint64_t, UniqueFd>;

  ConnectionGate(Loop* loop, Options options, Admit admit, UniqueFd listener,
                 UniqueFd hang_ups);

  void Accept();
  void AcceptLater();
  void Add(UniqueFd connection);
  bool IsAllowed(int connection) const;
  void Read(SilentList::iterator silent);
  void PassOn(SilentList::iterator silent);
  void ForgetHungUp();
  void Forget(OpenMap::iterator open);

  Loop* const loop_;
  const Options options_;
  const Admit admit_;
  const UniqueFd listener_;
  // An epoll instance that tells which of `open_` have ended.
  const UniqueFd hang_ups_;
  SilentList silent_;
  // Second descriptors of those that were passed on, oldest first.
  OpenMap open_;
  uint64_t next_open_ = 0;
  Refused refused_;
  Loop::Watch acceptable_;
  Loop::Watch accept_later_;
  Loop::Watch hung_up_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CONNECTION_GATE_H_
