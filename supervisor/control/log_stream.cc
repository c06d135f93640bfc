#include "supervisor/control/log_stream.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
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
constexpr size_t kMaxLineBytes = 8192;
constexpr int kMaxBytesPerMessage = 64 * 1024;
// What is read of one file in one turn.
constexpr size_t kMaxBytesPerTurn = 32 * 1024;

std::optional<LogPart> PartOf(const control::v1::LogsRequest& request) {
  switch (request.from_case()) {
    case control::v1::LogsRequest::kOffset:
      return LogOffset{request.offset()};
    case control::v1::LogsRequest::kGeneration:
      return LogGeneration{static_cast<uint32_t>(
          std::clamp<int64_t>(request.generation(), 0, UINT32_MAX))};
    case control::v1::LogsRequest::kSinceUs:
      return LogSince{absl::FromUnixMicros(request.since_us())};
    case control::v1::LogsRequest::FROM_NOT_SET:
      break;
  }
  return std::nullopt;
}

}  // namespace

LogStream::LogStream(Loop* loop, std::shared_ptr<Stream> stream,
                     const control::v1::LogsRequest& request,
                     const std::vector<ServiceSnapshot>& services)
    : loop_(loop),
      stream_(std::move(stream)),
      tail_lines_(std::clamp<int64_t>(request.tail_lines(), 0, kMaxTailLines)),
      follow_(request.follow()),
      part_(PartOf(request)),
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
  if (reading_ != nullptr) {
    ReadPart();
    if (!full_) {
      next_turn_ = loop_->After(absl::ZeroDuration(), [this] { Continue(); });
    }
  } else if (!tails_.empty()) {
    const Source source = std::move(tails_.front());
    tails_.pop_front();
    if (part_.has_value()) {
      BeginPart(source);
    } else {
      SendTail(source);
    }
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
      {.max_line_bytes = kMaxLineBytes,
       .max_bytes_per_turn = kMaxBytesPerTurn});
  if (!follower.ok()) {
    Fail(follower.status());
    return false;
  }
  follower_ = *std::move(follower);
  follower_->SetPaused(true);
  return true;
}

void LogStream::BeginPart(const Source& source) {
  absl::StatusOr<LogRange> range = LogRange();
  // Where nothing was written yet, the first line is still to come.
  if (access(source.path.c_str(), F_OK) == 0) {
    range = FindLogRange(source.path, *part_);
  }
  if (!range.ok()) {
    return Fail(absl::Status(
        range.status().code(),
        absl::StrCat("`", source.service, "`: ", range.status().message())));
  }
  if (!follow_) {
    reading_ = std::make_unique<FollowedFile>(source.path, range->begin,
                                              kMaxLineBytes, range->end);
    reading_service_ = source.service;
    return;
  }
  const absl::Status added =
      follower_->Add(source.service, source.path, range->begin);
  if (!added.ok()) Fail(added);
}

void LogStream::ReadPart() {
  const auto tell = [this](absl::string_view line) {
    AddLine(reading_service_, line);
  };
  if (!reading_->ReadSome(kMaxBytesPerTurn, tell)) {
    reading_->FlushPartial(tell);
    reading_ = nullptr;
  }
  SendLines();
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
  if (full_ && follower_ != nullptr) follower_->SetPaused(true);
}

void LogStream::NoteWaiting(std::optional<size_t> waiting) {
  full_ |= waiting.value_or(0) >= kMaxWaiting;
}

void LogStream::Fail(const absl::Status& status) {
  tails_.clear();
  stream_->End(ToGrpc(status));
}

}  // namespace espalier
