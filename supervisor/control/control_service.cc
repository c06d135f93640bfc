#include "supervisor/control/control_service.h"

#include "supervisor/control/control_messages.h"
#include "supervisor/control/unary_call.h"

namespace espalier {

// A request is gone when its handler has returned, so what the loop needs of it
// is copied.

grpc::ServerUnaryReactor* ControlService::List(
    Context*, const control::v1::ListRequest*,
    control::v1::ListResponse* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Begin();
  calls_->Add(call);
  poster_->Post([hub = hub_, call, response] {
    call->Answer(grpc::Status::OK, [&] { hub->List(*response); });
  });
  return call->reactor();
}

grpc::ServerUnaryReactor* ControlService::Explain(
    Context*, const control::v1::ExplainRequest* request,
    control::v1::ExplainResponse* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Begin();
  calls_->Add(call);
  poster_->Post([hub = hub_, call, request = *request, response] {
    control::v1::ExplainResponse answer;
    const grpc::Status status = hub->Explain(request, answer);
    call->Answer(status, [&] { response->Swap(&answer); });
  });
  return call->reactor();
}

grpc::ServerUnaryReactor* ControlService::Operate(
    std::function<void(Controlled&, Controlled::Done)> operation) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Begin();
  calls_->Add(call);
  poster_->Post([hub = hub_, call, operation = std::move(operation)] {
    operation(hub->controlled(), [call](const absl::Status& status) {
      call->End(ToGrpc(status));
    });
  });
  return call->reactor();
}

grpc::ServerUnaryReactor* ControlService::Restart(
    Context*, const control::v1::RestartRequest* request,
    control::v1::RestartResponse*) {
  return Operate([name = request->service()](Controlled& controlled,
                                             Controlled::Done done) {
    controlled.Restart(name, std::move(done));
  });
}

grpc::ServerUnaryReactor* ControlService::Stop(
    Context*, const control::v1::StopRequest* request,
    control::v1::StopResponse*) {
  const Controlled::StopOptions options = {.with_dependents =
                                               request->with_dependents()};
  return Operate([name = request->service(), options](Controlled& controlled,
                                                      Controlled::Done done) {
    controlled.Stop(name, options, std::move(done));
  });
}

grpc::ServerUnaryReactor* ControlService::Start(
    Context*, const control::v1::StartRequest* request,
    control::v1::StartResponse*) {
  return Operate([name = request->service()](Controlled& controlled,
                                             Controlled::Done done) {
    controlled.Start(name, std::move(done));
  });
}

grpc::ServerUnaryReactor* ControlService::Reload(
    Context*, const control::v1::ReloadRequest* request,
    control::v1::ReloadResponse*) {
  return Operate([name = request->service()](Controlled& controlled,
                                             Controlled::Done done) {
    controlled.Reload(name, std::move(done));
  });
}

grpc::ServerUnaryReactor* ControlService::Freeze(
    Context*, const control::v1::FreezeRequest* request,
    control::v1::FreezeResponse*) {
  return Operate([name = request->service()](Controlled& controlled,
                                             Controlled::Done done) {
    controlled.Freeze(name, true, std::move(done));
  });
}

grpc::ServerUnaryReactor* ControlService::Thaw(
    Context*, const control::v1::ThawRequest* request,
    control::v1::ThawResponse*) {
  return Operate([name = request->service()](Controlled& controlled,
                                             Controlled::Done done) {
    controlled.Freeze(name, false, std::move(done));
  });
}

grpc::ServerUnaryReactor* ControlService::StopEnvironment(
    Context*, const control::v1::StopEnvironmentRequest*,
    control::v1::StopEnvironmentResponse*) {
  return Operate([](Controlled& controlled, const Controlled::Done& done) {
    // Answered first: a stop may be over before this returns.
    done(absl::OkStatus());
    controlled.StopEnvironment();
  });
}

std::function<void()> ControlService::StreamChanged() {
  return [poster = poster_, hub = hub_] {
    poster->Post([hub] { hub->OnStreamChange(); });
  };
}

grpc::ServerWriteReactor<control::v1::WatchResponse>* ControlService::Watch(
    Context*, const control::v1::WatchRequest* request) {
  const auto stream = Watchers::Stream::Begin(StreamChanged());
  calls_->Add(stream);
  poster_->Post([hub = hub_, stream, request = *request] {
    hub->AddWatcher(stream, request);
  });
  return stream->reactor();
}

grpc::ServerWriteReactor<control::v1::LogsResponse>* ControlService::Logs(
    Context*, const control::v1::LogsRequest* request) {
  const auto stream = LogStream::Stream::Begin(StreamChanged());
  calls_->Add(stream);
  poster_->Post([hub = hub_, stream, request = *request] {
    hub->AddLogs(stream, request);
  });
  return stream->reactor();
}

grpc::ServerWriteReactor<control::v1::EventsResponse>* ControlService::Events(
    Context*, const control::v1::EventsRequest* request) {
  const auto stream = EventStream::Stream::Begin(StreamChanged());
  calls_->Add(stream);
  poster_->Post([hub = hub_, stream, request = *request] {
    hub->AddEvents(stream, request);
  });
  return stream->reactor();
}

}  // namespace espalier
