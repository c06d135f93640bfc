#include "supervisor/control/connection_gate.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace espalier {
namespace {

// What every HTTP/2 client says first.
constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr int kAcceptsPerTurn = 64;
constexpr absl::Duration kDescriptorsRetry = absl::Milliseconds(100);

absl::StatusOr<UniqueFd> Listen(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of the control socket is too long: ", path));
  }
  memcpy(address.sun_path, path.data(), path.size());
  unlink(path.c_str());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Nobody can connect before listen(), so the mode may follow the bind.
  const bool listening =
      fd.valid() &&
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
           sizeof address) == 0 &&
      chmod(path.c_str(), 0600) == 0 && listen(fd.get(), SOMAXCONN) == 0;
  if (listening) return fd;
  return absl::ErrnoToStatus(
      errno, absl::StrCat("cannot listen on the control socket ", path));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConnectionGate>> ConnectionGate::Open(
    Loop* loop, Options options, Admit admit) {
  absl::StatusOr<UniqueFd> listener = Listen(options.socket_path);
  if (!listener.ok()) return listener.status();
  UniqueFd hang_ups(epoll_create1(EPOLL_CLOEXEC));
  if (!hang_ups.valid()) {
    return absl::ErrnoToStatus(errno, "cannot watch control connections");
  }
  return std::unique_ptr<ConnectionGate>(
      new ConnectionGate(loop, std::move(options), std::move(admit),
                         *std::move(listener), std::move(hang_ups)));
}

ConnectionGate::ConnectionGate(Loop* loop, Options options, Admit admit,
                               UniqueFd listener, UniqueFd hang_ups)
    : loop_(loop),
      options_(std::move(options)),
      admit_(std::move(admit)),
      listener_(std::move(listener)),
      hang_ups_(std::move(hang_ups)) {
  acceptable_ = loop_->OnReadable(listener_.get(), [this] { Accept(); });
  hung_up_ = loop_->OnReadable(hang_ups_.get(), [this] { ForgetHungUp(); });
}

ConnectionGate::~ConnectionGate() {
  unlink(options_.socket_path.c_str());
  for (const auto& [id, fd] : open_) shutdown(fd.get(), SHUT_RDWR);
}

void ConnectionGate::Accept() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    UniqueFd connection(accept4(listener_.get(), nullptr, nullptr,
                                SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection.valid()) {
      Add(std::move(connection));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
               errno == ENOBUFS) {
      return AcceptLater();
    } else if (errno != EINTR && errno != ECONNABORTED) {
      return;
    }
  }
}

// The connection still waits in the queue and would wake us at once.
void ConnectionGate::AcceptLater() {
  if (!silent_.empty()) {
    silent_.pop_front();
    ++refused_.too_many;
    return;
  }
  acceptable_ = Loop::Watch();
  accept_later_ = loop_->After(kDescriptorsRetry, [this] {
    acceptable_ = loop_->OnReadable(listener_.get(), [this] { Accept(); });
  });
}

bool ConnectionGate::IsAllowed(int connection) const {
  ucred peer;
  socklen_t size = sizeof peer;
  return getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == options_.allowed_uid || peer.uid == 0);
}

void ConnectionGate::Add(UniqueFd connection) {
  if (!IsAllowed(connection.get())) {
    ++refused_.other_user;
    return;
  }
  const int fd = connection.get();
  const auto added =
      silent_.insert(silent_.end(), Silent{.fd = std::move(connection),
                                           .read = std::string(),
                                           .readable = Loop::Watch()});
  added->readable = loop_->OnReadable(fd, [this, added] { Read(added); });
  if (silent_.size() > options_.max_silent) {
    ++refused_.too_many;
    silent_.pop_front();
  }
}

void ConnectionGate::Read(SilentList::iterator silent) {
  char buffer[kPreface.size()];
  const ssize_t count =
      recv(silent->fd.get(), buffer, kPreface.size() - silent->read.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    silent_.erase(silent);
    return;
  }
  silent->read.append(buffer, count);
  if (!absl::StartsWith(kPreface, silent->read)) {
    ++refused_.not_http2;
    silent_.erase(silent);
  } else if (silent->read.size() == kPreface.size()) {
    PassOn(silent);
  }
}

void ConnectionGate::PassOn(SilentList::iterator silent) {
  UniqueFd connection = std::move(silent->fd);
  const std::string read = std::move(silent->read);
  // Its watch ends before anybody else can close the descriptor.
  silent_.erase(silent);
  // Of its own, since the new owner closes the first one when it likes.
  UniqueFd second(fcntl(connection.get(), F_DUPFD_CLOEXEC, 0));
  epoll_event event = {};
  event.events = EPOLLRDHUP | EPOLLHUP;
  event.data.u64 = next_open_;
  if (!second.valid() ||
      epoll_ctl(hang_ups_.get(), EPOLL_CTL_ADD, second.get(), &event) != 0) {
    ++refused_.too_many;
    return;
  }
  open_.emplace(next_open_++, std::move(second));
  if (open_.size() > options_.max_open) {
    ++refused_.too_many;
    shutdown(open_.begin()->second.get(), SHUT_RDWR);
    Forget(open_.begin());
  }
  admit_(std::move(connection), read);
}

void ConnectionGate::ForgetHungUp() {
  epoll_event events[32];
  const int count = epoll_wait(hang_ups_.get(), events, 32, 0);
  for (int i = 0; i < count; ++i) {
    // The struct is packed: no reference to its members.
    const uint64_t id = events[i].data.u64;
    const auto ended = open_.find(id);
    if (ended != open_.end()) Forget(ended);
  }
}

void ConnectionGate::Forget(OpenMap::iterator open) {
  // Closing is not enough: the first descriptor keeps it in the set.
  epoll_ctl(hang_ups_.get(), EPOLL_CTL_DEL, open->second.get(), nullptr);
  open_.erase(open);
}

}  // namespace espalier
