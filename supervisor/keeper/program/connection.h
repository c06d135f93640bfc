// The keeper's end of the socket: whole requests with their descriptors in,
// events out.
#ifndef SUPERVISOR_KEEPER_PROGRAM_CONNECTION_H_
#define SUPERVISOR_KEEPER_PROGRAM_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

class Connection {
 public:
  // `socket` is made non-blocking.
  explicit Connection(OwnedFd socket);

  struct Received {
    Request request;
    std::vector<OwnedFd> descriptors;
    // The kernel had to drop some for lack of free numbers.
    bool descriptors_lost = false;
  };

  // Reads what has arrived, up to a limit. False if the other end is gone.
  bool Read();

  // The next request that is complete. Malformed ones are refused on the way:
  // counted, and answered by an event.
  std::optional<Received> Next();

  // Bytes are at hand that Next has not looked at since the last Read.
  bool may_have_more() const { return may_have_more_; }
  // A length made no sense, so nothing after it can be understood.
  bool broken() const { return broken_; }

  // Queues an event.
  void Send(const Event& event) { Encode(event, &outgoing_); }
  // Writes as much as the socket takes. False if the other end is gone.
  bool Flush();

  // What to wait for, as epoll flags. Nothing is read while the client does not
  // read either, so that what is queued stays bounded.
  uint32_t interest() const;
  int fd() const { return socket_.get(); }

 private:
  // A batch per message that carried descriptors; they come in order.
  struct Batch {
    std::vector<OwnedFd> descriptors;
    bool lost = false;
  };

  void Refuse(const char* reason);

  OwnedFd socket_;
  std::string incoming_;
  size_t parsed_ = 0;  // Bytes of incoming_ that have been dealt with.
  std::deque<Batch> batches_;
  std::string outgoing_;
  size_t written_ = 0;
  uint64_t refused_ = 0;
  bool may_have_more_ = false;
  bool broken_ = false;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_CONNECTION_H_
