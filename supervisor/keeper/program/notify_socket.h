// The socket to which services send what they say of themselves, one for all.
//
// Its address is abstract, since services of another user reach no directory of
// ours: so anybody in the same network namespace can send to it, and who sent a
// message is checked. That check needs the sender to be there still.
#ifndef SUPERVISOR_KEEPER_PROGRAM_NOTIFY_SOCKET_H_
#define SUPERVISOR_KEEPER_PROGRAM_NOTIFY_SOCKET_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/program/notify_message.h"

namespace espalier::keeper {

class NotifySocket {
 public:
  struct Received {
    pid_t pid = 0;  // Of the sender; 0 if the kernel did not tell.
    uid_t uid = 0;
    std::optional<NotifyMessage> message;  // None: it was malformed.
  };

  // Makes the socket, at an address that nobody can guess. False and errno if
  // that fails.
  bool Open(const std::string& token);

  // The next message; nothing if there is none at the moment. Descriptors that
  // come along are closed.
  std::optional<Received> Receive();

  int fd() const { return socket_.get(); }
  // For NOTIFY_SOCKET.
  const std::string& address() const { return address_; }

 private:
  OwnedFd socket_;
  std::string address_;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_NOTIFY_SOCKET_H_
