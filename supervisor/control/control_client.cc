#include "supervisor/control/control_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel_posix.h"
#include "grpcpp/support/channel_arguments.h"
#include "supervisor/control/control.grpc.pb.h"
#include "supervisor/control/control_messages.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

namespace v1 = control::v1;

// A list of 10,000 services with long reasons is below that.
constexpr int kMaxResponseBytes = 64 << 20;
// For what is answered at once.
constexpr std::chrono::seconds kAnswerTimeout(10);
constexpr absl::string_view kEnded = "the environment has ended";

absl::StatusOr<UniqueFd> ConnectTo(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of the socket is too long: ", path));
  }
  memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.valid() && connect(fd.get(), reinterpret_cast<sockaddr*>(&address),
                            sizeof address) == 0) {
    fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    return fd;
  }
  if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) {
    return absl::NotFoundError(
        absl::StrCat("no environment listens on ", path));
  }
  if (errno == EACCES || errno == EPERM) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the environment that listens on ", path, " is another user's"));
  }
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot connect to ", path));
}

class Client final : public ControlClient {
 public:
  explicit Client(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::Supervisor::NewStub(channel)) {}

  absl::StatusOr<ServiceList> List() override;
  absl::StatusOr<std::vector<Explanation>> Explain(
      const std::string& service) override;
  absl::Status Watch(
      const WatchOptions& options,
      const std::function<bool(const WatchEvent&)>& on_event) override;
  absl::Status Restart(const std::string& service) override;
  absl::Status Stop(const std::string& service, StopOptions options) override;
  absl::Status Start(const std::string& service) override;
  absl::Status Reload(const std::string& service) override;
  absl::Status Freeze(const std::string& service) override;
  absl::Status Thaw(const std::string& service) override;
  absl::Status StopEnvironment() override;
  absl::Status Logs(
      const LogsOptions& options,
      const std::function<bool(absl::string_view service,
                               absl::string_view line)>& on_line) override;
  absl::StatusOr<EventsEnd> Events(
      const EventsOptions& options,
      const std::function<bool(const journal::v1::Event&)>& on_event) override;

 private:
  const std::unique_ptr<v1::Supervisor::Stub> stub_;
};

absl::Status ToStatus(const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE &&
      status.error_message() != kEnded) {
    return absl::UnavailableError(absl::StrCat(
        "the connection to the environment is lost: it has ended, or too many "
        "clients are connected (",
        status.error_message(), ")"));
  }
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::DeadlineExceededError(
        absl::StrCat("the environment does not answer within ",
                     kAnswerTimeout.count(), " s"));
  }
  return FromGrpc(status);
}

void SetPart(const LogPart& part, v1::LogsRequest& request) {
  if (const auto* offset = std::get_if<LogOffset>(&part)) {
    request.set_offset(offset->bytes);
  } else if (const auto* generation = std::get_if<LogGeneration>(&part)) {
    request.set_generation(generation->number);
  } else if (const auto* since = std::get_if<LogSince>(&part)) {
    request.set_since_us(absl::ToUnixMicros(since->time));
  }
}

void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kAnswerTimeout);
}

absl::StatusOr<Client::ServiceList> Client::List() {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListResponse response;
  const grpc::Status status =
      stub_->List(&context, v1::ListRequest(), &response);
  if (!status.ok()) return ToStatus(status);
  ServiceList list;
  list.run_id = response.run_id();
  list.revision = response.revision();
  if (response.has_handle()) list.handle = FromMessage(response.handle());
  for (const v1::Service& service : response.services()) {
    list.services.push_back(FromMessage(service));
  }
  list.notes.assign(response.notes().begin(), response.notes().end());
  return list;
}

absl::StatusOr<std::vector<Explanation>> Client::Explain(
    const std::string& service) {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ExplainRequest request;
  request.set_service(service);
  v1::ExplainResponse response;
  const grpc::Status status = stub_->Explain(&context, request, &response);
  if (!status.ok()) return ToStatus(status);
  std::vector<Explanation> chain;
  for (const v1::Explanation& explanation : response.chain()) {
    chain.push_back(FromMessage(explanation));
  }
  return chain;
}

// Puts the parts of a snapshot together.
class EventAssembler {
 public:
  // The event that `response` completes, if it does.
  std::optional<Client::WatchEvent> Add(const v1::WatchResponse& response) {
    event_.run_id = response.run_id();
    event_.revision = response.revision();
    event_.is_snapshot = response.has_snapshot();
    if (response.has_snapshot()) {
      for (const v1::Service& service : response.snapshot().services()) {
        event_.services.push_back(FromMessage(service));
      }
      if (!response.snapshot().last()) return std::nullopt;
    } else {
      event_.change = {.revision = response.revision(),
                       .service = FromMessage(response.change().service()),
                       .removed = response.change().removed()};
    }
    return std::exchange(event_, Client::WatchEvent());
  }

 private:
  Client::WatchEvent event_;
};

absl::Status Client::Watch(
    const WatchOptions& options,
    const std::function<bool(const WatchEvent&)>& on_event) {
  v1::WatchRequest request;
  request.set_run_id(options.run_id);
  request.set_after_revision(options.after_revision);
  for (;;) {
    grpc::ClientContext context;
    if (options.deadline != absl::InfiniteFuture())
      context.set_deadline(absl::ToChronoTime(options.deadline));
    const auto reader = stub_->Watch(&context, request);
    EventAssembler assembler;
    v1::WatchResponse response;
    while (reader->Read(&response)) {
      const std::optional<WatchEvent> event = assembler.Add(response);
      if (!event.has_value()) continue;
      request.set_run_id(event->run_id);
      request.set_after_revision(event->revision);
      if (on_event(*event)) continue;
      context.TryCancel();
      reader->Finish();
      return absl::OkStatus();
    }
    const grpc::Status status = reader->Finish();
    // Too slow: goes on where it was.
    if (status.error_code() == grpc::StatusCode::ABORTED) continue;
    return ToStatus(status);
  }
}

absl::Status Client::Restart(const std::string& service) {
  grpc::ClientContext context;
  v1::RestartRequest request;
  request.set_service(service);
  v1::RestartResponse response;
  return ToStatus(stub_->Restart(&context, request, &response));
}

absl::Status Client::Stop(const std::string& service, StopOptions options) {
  grpc::ClientContext context;
  v1::StopRequest request;
  request.set_service(service);
  request.set_with_dependents(options.with_dependents);
  v1::StopResponse response;
  return ToStatus(stub_->Stop(&context, request, &response));
}

absl::Status Client::Start(const std::string& service) {
  grpc::ClientContext context;
  v1::StartRequest request;
  request.set_service(service);
  v1::StartResponse response;
  return ToStatus(stub_->Start(&context, request, &response));
}

absl::Status Client::Reload(const std::string& service) {
  grpc::ClientContext context;
  v1::ReloadRequest request;
  request.set_service(service);
  v1::ReloadResponse response;
  return ToStatus(stub_->Reload(&context, request, &response));
}

absl::Status Client::Freeze(const std::string& service) {
  grpc::ClientContext context;
  v1::FreezeRequest request;
  request.set_service(service);
  v1::FreezeResponse response;
  return ToStatus(stub_->Freeze(&context, request, &response));
}

absl::Status Client::Thaw(const std::string& service) {
  grpc::ClientContext context;
  v1::ThawRequest request;
  request.set_service(service);
  v1::ThawResponse response;
  return ToStatus(stub_->Thaw(&context, request, &response));
}

absl::Status Client::StopEnvironment() {
  grpc::ClientContext context;
  SetDeadline(context);
  v1::StopEnvironmentResponse response;
  return ToStatus(stub_->StopEnvironment(&context, v1::StopEnvironmentRequest(),
                                         &response));
}

absl::Status Client::Logs(
    const LogsOptions& options,
    const std::function<bool(absl::string_view service,
                             absl::string_view line)>& on_line) {
  grpc::ClientContext context;
  v1::LogsRequest request;
  request.mutable_services()->Assign(options.services.begin(),
                                     options.services.end());
  request.set_tail_lines(options.tail_lines);
  request.set_follow(options.follow);
  if (options.part.has_value()) SetPart(*options.part, request);
  const auto reader = stub_->Logs(&context, request);
  v1::LogsResponse response;
  while (reader->Read(&response)) {
    for (const std::string& line : response.lines()) {
      if (on_line(response.service(), line)) continue;
      context.TryCancel();
      reader->Finish();
      return absl::OkStatus();
    }
  }
  return ToStatus(reader->Finish());
}

absl::StatusOr<Client::EventsEnd> Client::Events(
    const EventsOptions& options,
    const std::function<bool(const journal::v1::Event&)>& on_event) {
  grpc::ClientContext context;
  v1::EventsRequest request;
  request.set_after_revision(options.after_revision);
  if (options.since != absl::InfinitePast()) {
    request.set_since_us(absl::ToUnixMicros(options.since));
  }
  request.mutable_services()->Assign(options.services.begin(),
                                     options.services.end());
  request.set_follow(options.follow);
  const auto reader = stub_->Events(&context, request);
  v1::EventsResponse response;
  EventsEnd end;
  while (reader->Read(&response)) {
    end.damaged = response.damaged();
    for (const journal::v1::Event& event : response.events()) {
      if (on_event(event)) continue;
      context.TryCancel();
      reader->Finish();
      return end;
    }
  }
  const grpc::Status status = reader->Finish();
  return status.ok() ? absl::StatusOr<EventsEnd>(end) : ToStatus(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlClient>> ControlClient::Connect(
    const std::string& socket_path) {
  absl::StatusOr<UniqueFd> fd = ConnectTo(socket_path);
  if (!fd.ok()) return fd.status();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
  return std::make_unique<Client>(grpc::CreateCustomInsecureChannelFromFd(
      "localhost", fd->Release(), arguments));
}

}  // namespace espalier
