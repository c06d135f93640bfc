#include "supervisor/testing/edge_proxy.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <functional>
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
  // `over` is called once, when the end has reached the receiver.
  Direction(Loop* loop, const EdgeFaults* faults, std::function<void()> over)
      : loop_(loop), faults_(faults), over_callback_(std::move(over)) {}

  void Connect(bufferevent* from, bufferevent* to) {
    from_ = from;
    to_ = to;
    UpdateReading();
  }

  void TakeInput() {
    evbuffer* const input = bufferevent_get_input(from_);
    std::string bytes(evbuffer_get_length(input), '\0');
    evbuffer_remove(input, bytes.data(), bytes.size());
    on_their_way_ += bytes.size();
    sent_ = std::max(sent_, Loop::Now()) + TimeToSend(bytes);
    Add(sent_ + faults_->latency, std::move(bytes));
    UpdateReading();
  }

  // The sender has ended; an empty piece says so.
  void TakeEnd() {
    from_ended_ = true;
    Add(std::max(sent_, Loop::Now()) + faults_->latency, "");
  }

  // Everything that was written has left.
  void OnDrained() {
    if (from_ == nullptr) return;
    UpdateReading();
    if (!end_arrived_ || over_) return;
    over_ = true;
    shutdown(bufferevent_getfd(to_), SHUT_WR);
    over_callback_();
  }

  void OnFaultsChange() {
    if (from_ == nullptr) return;
    Retime();
    UpdateReading();
    due_ = Loop::Watch();
    Schedule();
  }

  // Nothing comes or goes any more.
  void Cut() {
    due_ = Loop::Watch();
    from_ = nullptr;
    to_ = nullptr;
  }

  bool from_ended() const { return from_ended_; }
  bool over() const { return over_; }

 private:
  struct Piece {
    absl::Duration due;
    std::string bytes;
  };

  absl::Duration TimeToSend(const std::string& bytes) const {
    return absl::Seconds(bytes.size() / faults_->bytes_per_second);
  }

  void Add(absl::Duration due, std::string bytes) {
    pieces_.push_back({due, std::move(bytes)});
    if (pieces_.size() == 1) Schedule();
  }

  // What is on its way arrives no later than if it were sent now.
  void Retime() {
    absl::Duration sent = Loop::Now();
    for (Piece& piece : pieces_) {
      sent += TimeToSend(piece.bytes);
      piece.due = std::min(piece.due, sent + faults_->latency);
    }
    sent_ = std::min(sent_, sent);
  }

  // Reads as long as something can come and there is room for it.
  void UpdateReading() {
    if (from_ == nullptr) return;
    const size_t waiting =
        on_their_way_ + evbuffer_get_length(bufferevent_get_output(to_));
    if (from_ended_ || faults_->black_hole || waiting > kMaxWaiting) {
      bufferevent_disable(from_, EV_READ);
    } else {
      bufferevent_enable(from_, EV_READ);
    }
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
      on_their_way_ -= bytes.size();
      bufferevent_write(to_, bytes.data(), bytes.size());
      if (bytes.empty()) end_arrived_ = true;
    }
    Schedule();
    UpdateReading();
    if (evbuffer_get_length(bufferevent_get_output(to_)) == 0) OnDrained();
  }

  Loop* const loop_;
  const EdgeFaults* const faults_;
  const std::function<void()> over_callback_;
  bufferevent* from_ = nullptr;
  bufferevent* to_ = nullptr;
  std::deque<Piece> pieces_;
  size_t on_their_way_ = 0;  // in bytes
  // When the last byte so far has been sent.
  absl::Duration sent_ = absl::ZeroDuration();
  bool from_ended_ = false;   // nothing more comes from the sender
  bool end_arrived_ = false;  // all it had sent has been written
  bool over_ = false;         // and has left; the receiver has been told
  Loop::Watch due_;
};

}  // namespace

class EdgeProxy::Connection {
 public:
  Connection(EdgeProxy* proxy, UniqueFd client)
      : proxy_(proxy),
        forth_(proxy->loop_, proxy->faults_, [this] { OnDirectionOver(); }),
        back_(proxy->loop_, proxy->faults_, [this] { OnDirectionOver(); }),
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

  // What the client sends from now on is lost; its end is awaited.
  void HalfOpen() {
    Cut();
    server_.reset();
    half_open_ = true;
    if (forth_.from_ended()) return proxy_->Forget(this);
    bufferevent_disable(client_.get(), EV_WRITE);
    bufferevent_enable(client_.get(), EV_READ);
    Discard();
  }

 private:
  Socket Open(int fd) {
    bufferevent* const socket = bufferevent_socket_new(
        proxy_->loop_->base(), fd, BEV_OPT_CLOSE_ON_FREE);
    CHECK(socket != nullptr);
    bufferevent_setcb(
        socket,
        [](bufferevent* from, void* self) {
          static_cast<Connection*>(self)->OnInput(from);
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

  void OnInput(bufferevent* socket) {
    half_open_ ? Discard() : From(socket).TakeInput();
  }

  void Discard() {
    evbuffer* const input = bufferevent_get_input(client_.get());
    evbuffer_drain(input, evbuffer_get_length(input));
  }

  Direction& From(bufferevent* socket) {
    return socket == client_.get() ? forth_ : back_;
  }
  Direction& To(bufferevent* socket) {
    return socket == client_.get() ? back_ : forth_;
  }

  void OnEvent(bufferevent* socket, short what) {
    if (what & BEV_EVENT_ERROR) {
      Reset();
      proxy_->Forget(this);
    } else if (what & BEV_EVENT_EOF) {
      half_open_ ? proxy_->Forget(this) : From(socket).TakeEnd();
    }
  }

  void OnDirectionOver() {
    if (forth_.over() && back_.over()) proxy_->Forget(this);
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
  bool half_open_ = false;
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
    forgotten_.splice(forgotten_.end(), connections_, it);
    sweep_ = loop_->After(absl::ZeroDuration(), [this] { forgotten_.clear(); });
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
  for (auto it = connections_.begin(); it != connections_.end();) {
    // It may be forgotten then.
    Connection* const connection = (it++)->get();
    connection->HalfOpen();
  }
}

}  // namespace espalier
