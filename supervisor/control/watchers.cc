#include "supervisor/control/watchers.h"

#include <optional>
#include <utility>

#include "supervisor/control/control_messages.h"

namespace espalier {
namespace {

using control::v1::WatchResponse;

// Keeps a message of the snapshot far below what gRPC takes.
constexpr int kServicesPerPart = 256;

}  // namespace

Watchers::Watchers(Controlled* controlled, Options options)
    : controlled_(controlled),
      options_(std::move(options)),
      history_(controlled->revision(), options_.max_history) {}

void Watchers::Add(std::shared_ptr<Stream> stream,
                   const control::v1::WatchRequest& request) {
  std::optional<std::vector<ServiceChange>> missed;
  if (request.run_id() == options_.run_id) {
    missed = history_.After(request.after_revision());
  }
  size_t waiting = 0;
  if (missed.has_value()) {
    for (const ServiceChange& change : *missed) {
      waiting = stream->Write(Response(change)).value_or(0);
    }
  } else {
    waiting = SendSnapshot(*stream);
  }
  watchers_.push_back({.stream = std::move(stream),
                       .max_waiting = waiting + options_.max_queued});
}

void Watchers::Sweep() {
  std::erase_if(watchers_, [](const Watcher& w) { return w.stream->closed(); });
}

size_t Watchers::SendSnapshot(Stream& stream) {
  WatchResponse part;
  part.set_run_id(options_.run_id);
  part.set_revision(controlled_->revision());
  for (const ServiceSnapshot& service : controlled_->List()) {
    if (part.snapshot().services_size() == kServicesPerPart) {
      stream.Write(part);
      part.mutable_snapshot()->clear_services();
    }
    *part.mutable_snapshot()->add_services() = ToMessage(service);
  }
  part.mutable_snapshot()->set_last(true);
  return stream.Write(std::move(part)).value_or(0);
}

WatchResponse Watchers::Response(const ServiceChange& change) const {
  WatchResponse response;
  response.set_run_id(options_.run_id);
  response.set_revision(change.revision);
  *response.mutable_change()->mutable_service() = ToMessage(change.service);
  response.mutable_change()->set_removed(change.removed);
  return response;
}

void Watchers::OnChange(const ServiceChange& change) {
  history_.Add(change);
  if (watchers_.empty()) return;
  const WatchResponse response = Response(change);
  bool sweep = false;
  for (const Watcher& watcher : watchers_) {
    const std::optional<size_t> waiting = watcher.stream->Write(response);
    sweep |= !waiting.has_value();
    if (waiting.value_or(0) <= watcher.max_waiting) continue;
    watcher.stream->Abort(grpc::Status(
        grpc::StatusCode::ABORTED,
        "this watcher is too slow; resume after the last revision seen"));
    sweep = true;
  }
  if (sweep) Sweep();
}

}  // namespace espalier
