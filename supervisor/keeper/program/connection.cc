#include "supervisor/keeper/program/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstring>

namespace espalier::keeper {
namespace {

constexpr size_t kReadBytes = 64 << 10;
// Per Read, so that a client which writes without end does not keep the loop
// from everything else.
constexpr size_t kMaxReadBytes = 1 << 20;
constexpr size_t kMaxUnsentBytes = 4 << 20;
constexpr size_t kMaxPassed = 253;  // SCM_MAX_FD of the kernel.

size_t ListenerCount(const Request& request) {
  const auto* spawn = std::get_if<SpawnRequest>(&request);
  return spawn == nullptr ? 0 : spawn->listener_names.size();
}

}  // namespace

Connection::Connection(OwnedFd socket) : socket_(std::move(socket)) {
  fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
}

bool Connection::Read() {
  may_have_more_ = true;
  for (size_t total = 0; total < kMaxReadBytes;) {
    char buffer[kReadBytes];
    iovec data = {buffer, sizeof buffer};
    alignas(cmsghdr) char control[CMSG_SPACE(kMaxPassed * sizeof(int))];
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t n =
        recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n > 0) incoming_.append(buffer, static_cast<size_t>(n));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return true;
    if (n <= 0) return false;
    total += static_cast<size_t>(n);
    Batch batch;
    batch.lost = (message.msg_flags & MSG_CTRUNC) != 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr;
         c = CMSG_NXTHDR(&message, c)) {
      if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
      const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
        batch.descriptors.emplace_back(fd);
      }
    }
    if (batch.lost || !batch.descriptors.empty()) {
      batches_.push_back(std::move(batch));
    }
  }
  return true;
}

std::optional<Connection::Received> Connection::Next() {
  while (!broken_) {
    const std::string_view rest = std::string_view(incoming_).substr(parsed_);
    std::string_view frame;
    size_t consumed = 0;
    switch (NextFrame(rest, &frame, &consumed)) {
      case FrameResult::kIncomplete:
        may_have_more_ = false;
        incoming_.erase(0, parsed_);
        parsed_ = 0;
        // A burst's memory is not kept while nothing happens.
        if (incoming_.empty()) std::string().swap(incoming_);
        return std::nullopt;
      case FrameResult::kMalformed:
        broken_ = true;
        may_have_more_ = false;
        Refuse("the length of a frame");
        return std::nullopt;
      case FrameResult::kFrame:
        break;
    }
    parsed_ += consumed;
    Received received;
    if (!Decode(frame, &received.request)) {
      Refuse("the content of a frame");
      continue;
    }
    const size_t wanted = ListenerCount(received.request);
    if (wanted > 0 && !batches_.empty()) {
      received.descriptors = std::move(batches_.front().descriptors);
      received.descriptors_lost = batches_.front().lost;
      batches_.pop_front();
    }
    if (received.descriptors.size() != wanted && !received.descriptors_lost) {
      Refuse("the number of descriptors beside a frame");
      continue;
    }
    return received;
  }
  return std::nullopt;
}

void Connection::Refuse(const char* reason) {
  Send(RefusedEvent{.count = ++refused_, .reason = reason});
}

bool Connection::Flush() {
  while (written_ < outgoing_.size()) {
    const ssize_t n =
        send(socket_.get(), outgoing_.data() + written_,
             outgoing_.size() - written_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return true;
    if (n < 0) return false;
    written_ += static_cast<size_t>(n);
  }
  written_ = 0;
  outgoing_.clear();
  if (outgoing_.capacity() > kReadBytes) std::string().swap(outgoing_);
  return true;
}

uint32_t Connection::interest() const {
  const size_t unsent = outgoing_.size() - written_;
  return (unsent > 0 ? EPOLLOUT : 0u) |
         (unsent < kMaxUnsentBytes ? EPOLLIN : 0u);
}

}  // namespace espalier::keeper
