#include "supervisor/testing/edge_proxy.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "glog/logging.h"

namespace espalier {
namespace {

// What waits in one direction of a connection before its sender has to.
constexpr size_t kMaxWaiting = 256 * 1024;

struct Free {
  void operator()(bufferevent* socket) const { bufferevent_free(socket); }
};
using Socket = std::unique_ptr<bufferevent, Free>;

void CloseWithReset(Socket socket) {
  if (socket == nullptr) return;
  const linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(bufferevent_getfd(socket.get()), SOL_SOCKET, SO_LINGER, &at_once,
             sizeof at_once);
}

// One direction of a connection: pieces of it on their way, each with the time
// at which it arrives.
class Direction {
 public:
  Direction(Loop* loop, const EdgeFaults* faults)
      : loop_(loop), faults_(faults) {}

  void Connect(bufferevent* from, bufferevent* to) {
    from_ = from;
    to_ = to;
    OnFaultsChange();
  }

  void TakeInput() {
    evbuffer* const input = bufferevent_get_input(from_);
    std::string bytes(evbuffer_get_length(input), '\0');
    evbuffer_remove(input, bytes.data(), bytes.size());
    waiting_ += bytes.size();
    sent_ = std::max(sent_, Loop::Now()) +
            absl::Seconds(bytes.size() / faults_->bytes_per_second);
    Add(sent_ + faults_->latency, std::move(bytes));
    if (waiting_ > kMaxWaiting) bufferevent_disable(from_, EV_READ);
  }

  // The sender has ended; an empty piece says so.
  void TakeEnd() { Add(std::max(sent_, Loop::Now()) + faults_->latency, ""); }

  // Everything that was written has left.
  void OnDrained() {
    if (ended_) shutdown(bufferevent_getfd(to_), SHUT_WR);
  }

  void OnFaultsChange() {
    if (from_ == nullptr) return;
    if (faults_->black_hole) {
      bufferevent_disable(from_, EV_READ);
      due_ = Loop::Watch();
    } else {
      bufferevent_enable(from_, EV_READ);
      Schedule();
    }
  }

  // Nothing comes or goes any more.
  void Cut() {
    due_ = Loop::Watch();
    from_ = nullptr;
    to_ = nullptr;
  }

  bool ended() const { return ended_; }

 private:
  struct Piece {
    absl::Duration due;
    std::string bytes;
  };

  void Add(absl::Duration due, std::string bytes) {
    pieces_.push_back({due, std::move(bytes)});
    if (pieces_.size() == 1) Schedule();
  }

  void Schedule() {
    if (pieces_.empty() || faults_->black_hole) return;
    due_ =
        loop_->After(pieces_.front().due - Loop::Now(), [this] { Deliver(); });
  }

  void Deliver() {
    while (!pieces_.empty() && pieces_.front().due <= Loop::Now()) {
      const std::string bytes = std::move(pieces_.front().bytes);
      pieces_.pop_front();
      waiting_ -= bytes.size();
      if (bytes.empty()) {
        ended_ = true;
        if (evbuffer_get_length(bufferevent_get_output(to_)) == 0) OnDrained();
      } else {
        bufferevent_write(to_, bytes.data(), bytes.size());
      }
    }
    if (waiting_ <= kMaxWaiting) bufferevent_enable(from_, EV_READ);
    Schedule();
  }

  Loop* const loop_;
  const EdgeFaults* const faults_;
  bufferevent* from_ = nullptr;
  bufferevent* to_ = nullptr;
  std::deque<Piece> pieces_;
  size_t waiting_ = 0;  // in bytes
  // When the last byte so far has been sent.
  absl::Duration sent_ = absl::ZeroDuration();
  bool ended_ = false;
  Loop::Watch due_;
};

}  // namespace

class EdgeProxy::Connection {
 public:
  Connection(EdgeProxy* proxy, UniqueFd client)
      : proxy_(proxy),
        forth_(proxy->loop_, proxy->faults_),
        back_(proxy->loop_, proxy->faults_),
        client_(Open(client.Release())),
        server_(Open(-1)) {
    const SocketAddress& target = proxy->target_;
    // A refusal is reported as an event.
    bufferevent_socket_connect(server_.get(), target.get(),
                               static_cast<int>(target.size()));
    forth_.Connect(client_.get(), server_.get());
    back_.Connect(server_.get(), client_.get());
  }

  void OnFaultsChange() {
    forth_.OnFaultsChange();
    back_.OnFaultsChange();
  }

  void Reset() {
    Cut();
    CloseWithReset(std::move(client_));
    CloseWithReset(std::move(server_));
  }

  void HalfOpen() {
    Cut();
    bufferevent_disable(client_.get(), EV_READ | EV_WRITE);
    server_.reset();
  }

 private:
  Socket Open(int fd) {
    bufferevent* const socket = bufferevent_socket_new(
        proxy_->loop_->base(), fd, BEV_OPT_CLOSE_ON_FREE);
    CHECK(socket != nullptr);
    bufferevent_setcb(
        socket,
        [](bufferevent* from, void* self) {
          static_cast<Connection*>(self)->From(from).TakeInput();
        },
        [](bufferevent* to, void* self) {
          static_cast<Connection*>(self)->To(to).OnDrained();
        },
        [](bufferevent* socket, short what, void* self) {
          static_cast<Connection*>(self)->OnEvent(socket, what);
        },
        this);
    return Socket(socket);
  }

  Direction& From(bufferevent* socket) {
    return socket == client_.get() ? forth_ : back_;
  }
  Direction& To(bufferevent* socket) {
    return socket == client_.get() ? back_ : forth_;
  }

  void OnEvent(bufferevent* socket, short what) {
    if (what & BEV_EVENT_CONNECTED) return;
    if (what & BEV_EVENT_EOF) From(socket).TakeEnd();
    if (what & BEV_EVENT_ERROR) Reset();
    if ((what & BEV_EVENT_ERROR) || (forth_.ended() && back_.ended())) {
      proxy_->Forget(this);
    }
  }

  void Cut() {
    forth_.Cut();
    back_.Cut();
  }

  EdgeProxy* const proxy_;
  Direction forth_;
  Direction back_;
  Socket client_;
  Socket server_;
};

EdgeProxy::EdgeProxy(Loop* loop, UniqueFd listener, SocketAddress target,
                     const EdgeFaults* faults)
    : loop_(loop),
      listener_(std::move(listener)),
      target_(target),
      faults_(faults),
      acceptable_(loop->OnReadable(listener_.get(), [this] { Accept(); })) {}

EdgeProxy::~EdgeProxy() = default;

void EdgeProxy::Accept() {
  UniqueFd client(
      accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client.valid()) return;
  connections_.push_back(std::make_unique<Connection>(this, std::move(client)));
}

// It is in the middle of one of its calls.
void EdgeProxy::Forget(Connection* connection) {
  for (auto it = connections_.begin(); it != connections_.end(); ++it) {
    if (it->get() != connection) continue;
    loop_->Post([ended = std::shared_ptr<Connection>(std::move(*it))] {});
    connections_.erase(it);
    return;
  }
}

void EdgeProxy::OnFaultsChange() {
  for (const auto& connection : connections_) connection->OnFaultsChange();
}

void EdgeProxy::Reset() {
  for (const auto& connection : connections_) connection->Reset();
  connections_.clear();
}

void EdgeProxy::HalfOpen() {
  for (const auto& connection : connections_) connection->HalfOpen();
}

}  // namespace espalier
