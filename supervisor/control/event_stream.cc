#include "supervisor/control/event_stream.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "supervisor/journal/event_filter.h"

namespace espalier {
namespace {

constexpr size_t kEventsPerPart = 256;
constexpr size_t kMaxWaiting = 16;

}  // namespace

EventStream::EventStream(const EventLog* log, std::shared_ptr<Stream> stream,
                         const control::v1::EventsRequest& request)
    : log_(log),
      stream_(std::move(stream)),
      since_us_(request.since_us()),
      follow_(request.follow()),
      services_(request.services().begin(), request.services().end()),
      after_(request.after_revision()) {
  if (after_ >= 0 && after_ <= log_->revision()) return;
  stream_->End(
      grpc::Status(grpc::StatusCode::OUT_OF_RANGE,
                   absl::StrCat("there is no event with the revision ", after_,
                                "; the latest one is ", log_->revision())));
}

void EventStream::Continue() {
  while (!closed() && stream_->waiting() < kMaxWaiting) {
    std::vector<journal::v1::Event> events = Take();
    if (events.empty()) {
      if (!follow_) stream_->End(grpc::Status::OK);
      return;
    }
    Send(std::move(events));
  }
}

std::vector<journal::v1::Event> EventStream::Take() {
  if (after_ < log_->floor() && !journal_.has_value()) OpenJournal();
  std::vector<journal::v1::Event> events;
  while (journal_.has_value() && events.size() < kEventsPerPart) {
    std::optional<journal::v1::Event> event = journal_->Next();
    if (!event.has_value()) {
      damaged_ += journal_->damaged();
      journal_.reset();
      // What else there was is lost.
      after_ = std::max(after_, log_->floor());
    } else if (event->revision() > after_) {
      after_ = event->revision();
      events.push_back(*std::move(event));
    }
  }
  if (events.empty()) events = log_->After(after_, kEventsPerPart);
  if (!events.empty()) after_ = events.back().revision();
  return events;
}

void EventStream::OpenJournal() {
  absl::StatusOr<JournalReader> journal = log_->OpenJournal();
  if (journal.ok()) {
    journal_ = *std::move(journal);
  } else {
    after_ = log_->floor();
  }
}

void EventStream::Send(std::vector<journal::v1::Event> events) {
  control::v1::EventsResponse response;
  for (journal::v1::Event& event : events) {
    if (IsWanted(event)) *response.add_events() = std::move(event);
  }
  if (response.events().empty() && damaged_ == damaged_told_) return;
  damaged_told_ = damaged_;
  response.set_damaged(damaged_);
  stream_->Write(std::move(response));
}

bool EventStream::IsWanted(const journal::v1::Event& event) const {
  if (event.time_us() < since_us_) return false;
  return Concerns(event, services_);
}

}  // namespace espalier
