#include "supervisor/journal/event_log.h"

#include <algorithm>
#include <utility>

#include "supervisor/journal/record.h"

namespace espalier {
namespace {

constexpr size_t kMaxKept = 4 << 10;

}  // namespace

EventLog::EventLog(Options options)
    : options_(std::move(options)),
      file_(options_.path, options_.max_file_bytes) {
  if (options_.path.empty()) return;
  const absl::StatusOr<JournalFile::Contents> contents = file_.Open();
  Report(contents.status());
  if (!contents.ok()) return;
  damaged_ = contents->damaged;
  journal::v1::Event latest;
  if (latest.ParseFromString(contents->latest)) revision_ = latest.revision();
  flushed_ = floor_ = revision_;
}

EventLog::~EventLog() { Flush(); }

absl::StatusOr<JournalReader> EventLog::OpenJournal() const {
  if (options_.path.empty()) {
    return absl::NotFoundError("events are not kept");
  }
  return JournalReader::Open(options_.path);
}

void EventLog::Add(journal::v1::Event event, absl::Time wall,
                   absl::Duration monotonic) {
  event.set_revision(++revision_);
  event.set_time_us(absl::ToUnixMicros(wall));
  event.set_monotonic_us(absl::ToInt64Microseconds(monotonic));
  std::string bytes = event.SerializeAsString();
  if (!options_.path.empty()) AppendRecord(bytes, unwritten_);
  recent_.push_back(std::move(bytes));
  if (recent_.size() <= options_.max_recent) return;
  recent_.pop_front();
  ++floor_;
}

void EventLog::Flush() {
  if (flushed_ == revision_) return;
  if (!options_.path.empty()) Report(file_.Append(unwritten_));
  unwritten_.clear();
  // A burst's memory is not kept while nothing happens.
  if (unwritten_.capacity() > kMaxKept) std::string().swap(unwritten_);
  flushed_ = revision_;
  if (listener_) listener_();
}

void EventLog::Report(const absl::Status& status) {
  const bool news = status.ok() != status_.ok();
  status_ = status;
  if (news && options_.on_trouble) options_.on_trouble(status);
}

std::vector<journal::v1::Event> EventLog::After(int64_t revision,
                                                size_t max) const {
  std::vector<journal::v1::Event> events;
  for (int64_t next = revision + 1; next <= flushed_ && events.size() < max;
       ++next) {
    // It is what Add() made of an event.
    events.emplace_back().ParseFromString(
        recent_[static_cast<size_t>(next - floor_ - 1)]);
  }
  return events;
}

}  // namespace espalier
