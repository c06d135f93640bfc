#include "supervisor/control/log_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/control/control_messages.h"
#include "supervisor/logs/log_tail.h"
#include "supervisor/logs/terminal_text.h"

namespace espalier {
namespace {

using control::v1::LogsResponse;

constexpr int64_t kMaxTailLines = 100000;
// What is read of one file at once for its last lines.
constexpr size_t kMaxTailBytes = 1 << 20;
constexpr size_t kMaxWaiting = 64;
constexpr int kMaxBytesPerMessage = 64 * 1024;

}  // namespace

LogStream::LogStream(Loop* loop, std::shared_ptr<Stream> stream,
                     const control::v1::LogsRequest& request,
                     const std::vector<ServiceSnapshot>& services)
    : loop_(loop),
      stream_(std::move(stream)),
      tail_lines_(std::clamp<int64_t>(request.tail_lines(), 0, kMaxTailLines)),
      follow_(request.follow()),
      all_(request.services().empty()) {
  for (const ServiceSnapshot& service : services) AddSource(service);
}

void LogStream::AddSource(const ServiceSnapshot& service) {
  if (service.log_file.empty() || !known_.insert(service.name).second) return;
  tails_.push_back({.service = service.name, .path = service.log_file});
}

void LogStream::OnChange(const ServiceSnapshot& service) {
  if (!follow_ || !all_) return;
  AddSource(service);
  if (!tails_.empty()) Continue();
}

void LogStream::Continue() {
  next_turn_ = Loop::Watch();
  // Whoever calls does not know whose queue it was that has run empty.
  full_ = stream_->waiting() >= kMaxWaiting;
  if (full_ || closed() || !StartFollowing()) return;
  if (!tails_.empty()) {
    const Source source = std::move(tails_.front());
    tails_.pop_front();
    SendTail(source);
    // One file in a turn; and none while the client has enough.
    if (!full_) {
      next_turn_ = loop_->After(absl::ZeroDuration(), [this] { Continue(); });
    }
  } else if (follow_) {
    follower_->SetPaused(false);
  } else {
    stream_->End(grpc::Status::OK);
  }
}

bool LogStream::StartFollowing() {
  if (!follow_ || follower_ != nullptr) return true;
  absl::StatusOr<std::unique_ptr<LogFollower>> follower = LogFollower::Create(
      loop_,
      [this](absl::string_view service, absl::string_view line) {
        AddLine(service, line);
      },
      {.max_bytes_per_turn = 32 * 1024});
  if (!follower.ok()) {
    Fail(follower.status());
    return false;
  }
  follower_ = *std::move(follower);
  follower_->SetPaused(true);
  return true;
}

void LogStream::SendTail(const Source& source) {
  absl::StatusOr<LogTail> tail = LogTail::Read(
      source.path, {.max_lines = tail_lines_, .max_bytes = kMaxTailBytes});
  // Not written yet: its first line is still to come.
  if (absl::IsNotFound(tail.status())) tail = LogTail();
  if (!tail.ok()) return Fail(tail.status());
  LogsResponse response;
  response.set_service(source.service);
  int bytes = 0;
  for (std::string& line : tail->lines) {
    bytes += static_cast<int>(line.size()) + 2;
    response.add_lines(std::move(line));
    if (bytes < kMaxBytesPerMessage) continue;
    NoteWaiting(stream_->Write(response));
    response.clear_lines();
    bytes = 0;
  }
  if (response.lines_size() > 0) {
    NoteWaiting(stream_->Write(std::move(response)));
  }
  if (!follow_) return;
  const absl::Status added =
      follower_->Add(source.service, source.path, tail->end_offset);
  if (!added.ok()) Fail(added);
}

void LogStream::AddLine(absl::string_view service, absl::string_view line) {
  if (service != lines_.service() || lines_bytes_ >= kMaxBytesPerMessage) {
    SendLines();
  }
  if (lines_.lines().empty()) {
    lines_.set_service(std::string(service));
    send_soon_ = loop_->After(absl::ZeroDuration(), [this] { SendLines(); });
  }
  lines_.add_lines(TerminalText(line));
  lines_bytes_ += static_cast<int>(line.size()) + 2;
}

void LogStream::SendLines() {
  send_soon_ = Loop::Watch();
  if (lines_.lines().empty()) return;
  NoteWaiting(stream_->Write(std::exchange(lines_, LogsResponse())));
  lines_bytes_ = 0;
  if (full_) follower_->SetPaused(true);
}

void LogStream::NoteWaiting(std::optional<size_t> waiting) {
  full_ |= waiting.value_or(0) >= kMaxWaiting;
}

void LogStream::Fail(const absl::Status& status) {
  tails_.clear();
  stream_->End(ToGrpc(status));
}

}  // namespace espalier
