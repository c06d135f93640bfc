#ifndef ESPALIER_SUPERVISOR_CONTROL_CONTROL_SERVICE_H_
#define ESPALIER_SUPERVISOR_CONTROL_CONTROL_SERVICE_H_

#include <functional>
#include <memory>
#include <utility>

#include "supervisor/control/control.grpc.pb.h"
#include "supervisor/control/control_hub.h"
#include "supervisor/control/loop_poster.h"
#include "supervisor/control/open_call.h"

namespace espalier {

// gRPC's side of the API: takes each call to the hub on the loop, where it is
// answered. Handlers run on threads of gRPC's and never wait.
class ControlService final : public control::v1::Supervisor::CallbackService {
 public:
  // `hub` must live until `poster` is closed.
  ControlService(std::shared_ptr<LoopPoster> poster, ControlHub* hub,
                 OpenCalls* calls)
      : poster_(std::move(poster)), hub_(hub), calls_(calls) {}

 private:
  using Context = grpc::CallbackServerContext;

  grpc::ServerUnaryReactor* List(Context* context,
                                 const control::v1::ListRequest* request,
                                 control::v1::ListResponse* response) override;
  grpc::ServerUnaryReactor* Explain(
      Context* context, const control::v1::ExplainRequest* request,
      control::v1::ExplainResponse* response) override;
  grpc::ServerWriteReactor<control::v1::WatchResponse>* Watch(
      Context* context, const control::v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Restart(
      Context* context, const control::v1::RestartRequest* request,
      control::v1::RestartResponse* response) override;
  grpc::ServerUnaryReactor* Stop(Context* context,
                                 const control::v1::StopRequest* request,
                                 control::v1::StopResponse* response) override;
  grpc::ServerUnaryReactor* Start(
      Context* context, const control::v1::StartRequest* request,
      control::v1::StartResponse* response) override;
  grpc::ServerUnaryReactor* Reload(
      Context* context, const control::v1::ReloadRequest* request,
      control::v1::ReloadResponse* response) override;
  grpc::ServerUnaryReactor* Freeze(
      Context* context, const control::v1::FreezeRequest* request,
      control::v1::FreezeResponse* response) override;
  grpc::ServerUnaryReactor* Thaw(Context* context,
                                 const control::v1::ThawRequest* request,
                                 control::v1::ThawResponse* response) override;
  grpc::ServerUnaryReactor* StopEnvironment(
      Context* context, const control::v1::StopEnvironmentRequest* request,
      control::v1::StopEnvironmentResponse* response) override;
  grpc::ServerWriteReactor<control::v1::LogsResponse>* Logs(
      Context* context, const control::v1::LogsRequest* request) override;
  grpc::ServerWriteReactor<control::v1::EventsResponse>* Events(
      Context* context, const control::v1::EventsRequest* request) override;

  // Runs `operation` on the loop and answers with what it says.
  grpc::ServerUnaryReactor* Operate(
      std::function<void(Controlled&, Controlled::Done)> operation);
  std::function<void()> StreamChanged();

  const std::shared_ptr<LoopPoster> poster_;
  ControlHub* const hub_;
  OpenCalls* const calls_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CONTROL_SERVICE_H_
