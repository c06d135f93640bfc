#include "supervisor/control/control_hub.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "supervisor/control/control_messages.h"
#include "supervisor/logs/terminal_text.h"

namespace espalier {
namespace {

// Those that were asked for, in the order of their declaration.
absl::StatusOr<std::vector<ServiceSnapshot>> Choose(
    const std::vector<ServiceSnapshot>& services,
    const control::v1::LogsRequest& request) {
  if (request.services().empty()) return services;
  for (const std::string& name : request.services()) {
    const bool known =
        std::any_of(services.begin(), services.end(),
                    [&](const ServiceSnapshot& s) { return s.name == name; });
    if (known) continue;
    const auto append = [](std::string* out, const ServiceSnapshot& s) {
      absl::StrAppend(out, "`", s.name, "`");
    };
    return absl::NotFoundError(
        absl::StrCat("there is no service `", name,
                     "`; there are: ", absl::StrJoin(services, ", ", append)));
  }
  std::vector<ServiceSnapshot> chosen;
  for (const ServiceSnapshot& service : services) {
    const auto& names = request.services();
    if (std::find(names.begin(), names.end(), service.name) != names.end()) {
      chosen.push_back(service);
    }
  }
  return chosen;
}

}  // namespace

ControlHub::ControlHub(Loop* loop, Controlled* controlled,
                       Watchers::Options options)
    : loop_(loop),
      controlled_(controlled),
      run_id_(options.run_id),
      watchers_(controlled, std::move(options)) {
  controlled_->Subscribe(
      [this](const ServiceChange& change) { OnChange(change); });
  controlled_->events().SetListener([this] {
    for (const auto& events : events_) events->Continue();
  });
}

ControlHub::~ControlHub() {
  controlled_->Subscribe({});
  controlled_->events().SetListener({});
}

void ControlHub::OnChange(const ServiceChange& change) {
  watchers_.OnChange(change);
  if (change.removed) return;
  for (const auto& logs : logs_) logs->OnChange(change.service);
}

void ControlHub::List(control::v1::ListResponse& response) {
  response.set_run_id(run_id_);
  response.set_revision(controlled_->revision());
  if (const auto published = controlled_->Published()) {
    *response.mutable_handle() = ToMessage(*published);
  }
  for (const ServiceSnapshot& service : controlled_->List()) {
    *response.add_services() = ToMessage(service);
  }
  for (const std::string& note : controlled_->Notes()) {
    response.add_notes(TerminalText(note));
  }
}

grpc::Status ControlHub::Explain(const control::v1::ExplainRequest& request,
                                 control::v1::ExplainResponse& response) {
  const absl::StatusOr<std::vector<Explanation>> chain =
      controlled_->Explain(request.service());
  if (!chain.ok()) return ToGrpc(chain.status());
  for (const Explanation& explanation : *chain) {
    *response.add_chain() = ToMessage(explanation);
  }
  return grpc::Status::OK;
}

void ControlHub::AddLogs(std::shared_ptr<LogStream::Stream> stream,
                         const control::v1::LogsRequest& request) {
  absl::StatusOr<std::vector<ServiceSnapshot>> chosen =
      Choose(controlled_->List(), request);
  if (!chosen.ok()) return stream->End(ToGrpc(chosen.status()));
  logs_.push_back(
      std::make_unique<LogStream>(loop_, std::move(stream), request, *chosen));
  logs_.back()->Continue();
}

void ControlHub::AddEvents(std::shared_ptr<EventStream::Stream> stream,
                           const control::v1::EventsRequest& request) {
  events_.push_back(std::make_unique<EventStream>(&controlled_->events(),
                                                  std::move(stream), request));
  events_.back()->Continue();
}

void ControlHub::OnStreamChange() {
  watchers_.Sweep();
  std::erase_if(events_, [](const auto& events) { return events->closed(); });
  for (const auto& events : events_) events->Continue();
  std::erase_if(logs_, [](const auto& logs) { return logs->closed(); });
  for (const auto& logs : logs_) logs->Continue();
}

}  // namespace espalier
