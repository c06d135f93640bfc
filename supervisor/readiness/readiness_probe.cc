#include "supervisor/readiness/readiness_probe.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/loop/loop.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"
#include "supervisor/readiness/exchange.h"
#include "supervisor/readiness/grpc_health_exchange.h"
#include "supervisor/readiness/http_exchange.h"
#include "supervisor/readiness/probe_target.h"
#include "supervisor/readiness/text_exchange.h"

namespace espalier {
namespace {

constexpr absl::Duration kFirstDelay = absl::Milliseconds(1);
constexpr absl::Duration kLongestDelay = absl::Milliseconds(100);

std::string ErrnoText(int error) {
  // As people read it in other tools' messages, without the capital.
  std::string text = strerror(error);
  text[0] = absl::ascii_tolower(text[0]);
  return text;
}

// A connection to itself: where nobody listens on an ephemeral port, connect()
// may choose that very port as its own, and the two ends meet.
bool IsSelfConnection(int fd, const SocketAddress& address) {
  if (address.family() == AF_UNIX) return false;
  absl::StatusOr<SocketAddress> own = SocketAddress::Of(fd);
  return own.ok() && own->port() == address.port();
}

class LoopProbe : public ReadinessProbe {
 public:
  LoopProbe(Loop& loop, ProbeTarget target, SocketAddress address,
            std::function<void(absl::Status)> done, Options options)
      : loop_(loop),
        target_(std::move(target)),
        address_(std::move(address)),
        done_(std::move(done)),
        options_(std::move(options)) {
    timer_ = loop_.After(absl::ZeroDuration(), [this] { Connect(); });
  }

  std::string last_complaint() const override {
    return absl::StrCat(DescribeAddress(target_), ": ", complaint_);
  }

 private:
  // Begins an attempt.
  void Connect();
  // The connection is there, or has failed.
  void OnConnected();
  // Begins to ask. `this` may be gone when it returns.
  void OnVerified();
  void OnReadable();
  void OnWritable();
  // Sends what the exchange wants to send, as far as there is room.
  void Send();
  // Ends the attempt if its outcome is known; `this` may be gone afterwards.
  void CheckResult();

  void Retry(absl::string_view complaint);
  void Complain(absl::string_view complaint);
  // `this` may be gone when it returns.
  void Finish();
  void Disconnect();
  std::unique_ptr<Exchange> NewExchange() const;

  Loop& loop_;
  const ProbeTarget target_;
  const SocketAddress address_;
  std::function<void(absl::Status)> done_;
  const Options options_;
  absl::Duration delay_ = kFirstDelay;
  std::string complaint_ = "not tried yet";
  // Expires with this object, for calls that may destroy it.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  // The attempt. The watches end before the descriptor that they watch.
  UniqueFd fd_;
  std::unique_ptr<Exchange> exchange_;
  std::string unsent_;
  Loop::Watch readable_;
  Loop::Watch writable_;
  // Until the next attempt.
  Loop::Watch timer_;
};

void LoopProbe::Connect() {
  timer_ = Loop::Watch();
  fd_ = UniqueFd(
      socket(address_.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd_.valid()) return Retry(ErrnoText(errno));
  if (connect(fd_.get(), address_.get(), address_.size()) == 0) {
    return OnConnected();
  }
  // A Unix socket whose queue is full says EAGAIN, and there is nothing to wait
  // for.
  if (errno != EINPROGRESS) return Retry(ErrnoText(errno));
  writable_ = loop_.OnWritable(fd_.get(), [this] {
    writable_ = Loop::Watch();
    OnConnected();
  });
}

void LoopProbe::OnConnected() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Retry(ErrnoText(error));
  if (IsSelfConnection(fd_.get(), address_)) {
    return Retry(ErrnoText(ECONNREFUSED));
  }
  if (options_.verify != nullptr) {
    const std::weak_ptr<bool> alive = alive_;
    // A copy, since it may destroy the probe that it belongs to.
    const std::function<absl::Status()> verify = options_.verify;
    const absl::Status verified = verify();
    if (alive.expired()) return;
    if (!verified.ok()) return Retry(verified.message());
  }
  OnVerified();
}

void LoopProbe::OnVerified() {
  exchange_ = NewExchange();
  if (exchange_ == nullptr) return Finish();
  Complain("connected, but there is no answer yet");
  readable_ = loop_.OnReadable(fd_.get(), [this] { OnReadable(); });
  Send();
}

void LoopProbe::OnReadable() {
  char buffer[16384];
  const ssize_t size = recv(fd_.get(), buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) return Retry(ErrnoText(errno));
  if (size == 0) return Retry("the connection was closed without an answer");
  exchange_->Receive(absl::string_view(buffer, size));
  if (exchange_->result().has_value()) return CheckResult();
  Send();
}

void LoopProbe::Send() {
  absl::StrAppend(&unsent_, exchange_->TakeOutput());
  while (!unsent_.empty()) {
    const ssize_t size =
        send(fd_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) {
      if (!writable_) {
        writable_ = loop_.OnWritable(fd_.get(), [this] { Send(); });
      }
      return;
    }
    if (size < 0) return Retry(ErrnoText(errno));
    unsent_.erase(0, size);
  }
  writable_ = Loop::Watch();
  CheckResult();
}

void LoopProbe::CheckResult() {
  if (!exchange_->result().has_value()) return;
  const absl::Status result = *exchange_->result();
  if (result.ok()) return Finish();
  Retry(result.message());
}

void LoopProbe::Retry(absl::string_view complaint) {
  Complain(complaint);
  Disconnect();
  timer_ = loop_.After(delay_, [this] { Connect(); });
  delay_ = std::min(2 * delay_, kLongestDelay);
}

void LoopProbe::Complain(absl::string_view complaint) {
  if (complaint_ == complaint) return;
  complaint_ = std::string(complaint);
  if (options_.complained != nullptr) options_.complained(last_complaint());
}

void LoopProbe::Finish() {
  complaint_ = "ready";
  Disconnect();
  // Moved, so that it outlives the probe that it may destroy.
  const auto done = std::move(done_);
  done(absl::OkStatus());
}

void LoopProbe::Disconnect() {
  readable_ = Loop::Watch();
  writable_ = Loop::Watch();
  exchange_ = nullptr;
  unsent_.clear();
  fd_ = UniqueFd();
}

std::unique_ptr<Exchange> LoopProbe::NewExchange() const {
  // A path has no place in a host's name.
  const std::string host =
      address_.family() == AF_UNIX ? "localhost" : DescribeAddress(target_);
  switch (target_.kind) {
    case ProbeTarget::Kind::kConnect:
      return nullptr;
    case ProbeTarget::Kind::kHttp:
      return std::make_unique<HttpExchange>(host, target_.http_path);
    case ProbeTarget::Kind::kGrpcHealth:
      return std::make_unique<GrpcHealthExchange>(host);
    case ProbeTarget::Kind::kText:
      return std::make_unique<TextExchange>(target_.request, target_.answer);
  }
  return nullptr;
}

// For a target that makes no sense.
class RefusedProbe : public ReadinessProbe {
 public:
  RefusedProbe(Loop& loop, absl::Status why,
               std::function<void(absl::Status)> done)
      : why_(std::move(why)), done_(std::move(done)) {
    timer_ = loop.After(absl::ZeroDuration(), [this] {
      const auto done = std::move(done_);
      done(why_);
    });
  }

  std::string last_complaint() const override {
    return std::string(why_.message());
  }

 private:
  const absl::Status why_;
  std::function<void(absl::Status)> done_;
  Loop::Watch timer_;
};

}  // namespace

std::unique_ptr<ReadinessProbe> ReadinessProbe::Start(
    Loop& loop, ProbeTarget target, std::function<void(absl::Status)> done) {
  return Start(loop, std::move(target), std::move(done), Options());
}

std::unique_ptr<ReadinessProbe> ReadinessProbe::Start(
    Loop& loop, ProbeTarget target, std::function<void(absl::Status)> done,
    Options options) {
  absl::StatusOr<SocketAddress> address = CheckedAddress(target);
  if (!address.ok()) {
    return std::make_unique<RefusedProbe>(loop, address.status(),
                                          std::move(done));
  }
  return std::make_unique<LoopProbe>(loop, std::move(target), *address,
                                     std::move(done), std::move(options));
}

}  // namespace espalier
