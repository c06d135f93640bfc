#include "supervisor/control/control_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "glog/logging.h"
#include "supervisor/control/connection_gate.h"
#include "supervisor/control/control_hub.h"
#include "supervisor/control/control_service.h"
#include "supervisor/control/grpc_server.h"
#include "supervisor/control/loop_poster.h"
#include "supervisor/control/open_call.h"

namespace espalier {
namespace {

// Everything that exists only because a client has come.
class Awake {
 public:
  Awake(Loop* loop, Controlled* controlled, Watchers::Options options,
        absl::Duration grace)
      : poster_(std::make_shared<LoopPoster>(loop)),
        hub_(loop, controlled, std::move(options)),
        service_(poster_, &hub_, &calls_),
        grace_(grace),
        server_(GrpcServer::Start(
            &service_, control::v1::Supervisor::service_full_name())) {}

  ~Awake() {
    poster_->Close();
    calls_.EndAll(grpc::Status(grpc::StatusCode::UNAVAILABLE,
                               "the environment has ended"));
    if (server_.ok()) (*server_)->Shutdown(grace_);
  }

  absl::Status status() const { return server_.status(); }
  void Admit(UniqueFd connection, const std::string& read) {
    (*server_)->Admit(std::move(connection), read);
  }

 private:
  const std::shared_ptr<LoopPoster> poster_;
  OpenCalls calls_;
  ControlHub hub_;
  ControlService service_;
  const absl::Duration grace_;
  const absl::StatusOr<std::unique_ptr<GrpcServer>> server_;
};

class Server final : public ControlServer {
 public:
  Server(Loop* loop, Controlled* controlled, Options options)
      : loop_(loop), controlled_(controlled), options_(std::move(options)) {}

  ~Server() override {
    // In this order: what is still said to clients goes through the gate's
    // connections.
    awake_.reset();
    gate_.reset();
  }

  absl::Status Open() {
    absl::StatusOr<std::unique_ptr<ConnectionGate>> gate = ConnectionGate::Open(
        loop_,
        {.socket_path = options_.socket_path,
         .max_open = options_.max_connections,
         .max_silent = options_.max_silent_connections,
         .allowed_uid = options_.allowed_uid},
        [this](UniqueFd connection, const std::string& read) {
          Admit(std::move(connection), read);
        });
    if (!gate.ok()) return gate.status();
    gate_ = *std::move(gate);
    return absl::OkStatus();
  }

  Refused refused() const override {
    const ConnectionGate::Refused& refused = gate_->refused();
    return {.other_user = refused.other_user,
            .not_grpc = refused.not_http2,
            .too_many = refused.too_many};
  }

  bool awake() const override { return awake_ != nullptr; }

 private:
  void Admit(UniqueFd connection, const std::string& read) {
    if (awake_ == nullptr) WakeUp();
    if (awake_ != nullptr) {
      awake_->Admit(std::move(connection), read);
    } else {
      // The gate keeps a descriptor of it, until it hangs up.
      shutdown(connection.get(), SHUT_RDWR);
    }
  }

  void WakeUp() {
    auto awake = std::make_unique<Awake>(
        loop_, controlled_,
        Watchers::Options{.run_id = options_.run_id,
                          .max_queued = options_.max_queued_changes,
                          .max_history = options_.max_history},
        options_.shutdown_grace);
    if (awake->status().ok()) {
      awake_ = std::move(awake);
    } else {
      // The environment goes on; the next client tries again.
      LOG(ERROR) << "no control API: " << awake->status();
    }
  }

  Loop* const loop_;
  Controlled* const controlled_;
  const Options options_;
  std::unique_ptr<ConnectionGate> gate_;
  std::unique_ptr<Awake> awake_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(
    Loop* loop, Controlled* controlled, Options options) {
  if (options.allowed_uid == static_cast<uid_t>(-1)) {
    options.allowed_uid = geteuid();
  }
  if (options.run_id.empty()) {
    options.run_id =
        absl::StrCat(getpid(), "-", absl::ToUnixNanos(absl::Now()));
  }
  auto server = std::make_unique<Server>(loop, controlled, std::move(options));
  const absl::Status opened = server->Open();
  if (!opened.ok()) return opened;
  return server;
}

}  // namespace espalier
