// The probe against gRPC's own server and health service.

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "supervisor/loop/loop.h"
#include "supervisor/readiness/probe_target.h"
#include "supervisor/readiness/readiness_probe.h"

namespace espalier {
namespace {

class ReadinessProbeGrpcTest : public testing::Test {
 protected:
  void SetUp() override {
    char directory[] = "/tmp/grpc_probe_XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
  }
  void TearDown() override {
    if (server_ != nullptr) server_->Shutdown();
    server_ = nullptr;
    unlink((directory_ + "/s").c_str());
    EXPECT_EQ(rmdir(directory_.c_str()), 0);
  }

  // Serves on a TCP port, which it returns, and on a Unix socket.
  int StartServer(bool with_health) {
    grpc::EnableDefaultHealthCheckService(with_health);
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.AddListeningPort("unix:" + directory_ + "/s",
                             grpc::InsecureServerCredentials());
    // A server without any service of its own refuses to start.
    builder.RegisterCallbackGenericService(&service_);
    server_ = builder.BuildAndStart();
    return port;
  }

  void Start(ProbeTarget target) {
    target.kind = ProbeTarget::Kind::kGrpcHealth;
    ready_ = false;
    probe_ = ReadinessProbe::Start(loop_, std::move(target),
                                   [this](absl::Status status) {
                                     EXPECT_EQ(status, absl::OkStatus());
                                     ready_ = true;
                                   });
  }

  void AwaitComplaint(const std::string& part) {
    loop_.RunUntil([&] {
      return ready_ || probe_->last_complaint().find(part) != std::string::npos;
    });
    EXPECT_FALSE(ready_);
  }

  Loop loop_;
  std::string directory_;
  grpc::CallbackGenericService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<ReadinessProbe> probe_;
  bool ready_ = false;
};

TEST_F(ReadinessProbeGrpcTest, FollowsTheHealthOfTheServer) {
  const int port = StartServer(true);
  server_->GetHealthCheckService()->SetServingStatus(false);
  Start({.address = ProbeTarget::Tcp{.port = static_cast<uint16_t>(port)}});
  AwaitComplaint("health says NOT_SERVING");
  server_->GetHealthCheckService()->SetServingStatus(true);
  loop_.RunUntil([&] { return ready_; });
}

TEST_F(ReadinessProbeGrpcTest, AsksOverUnixSockets) {
  StartServer(true);
  Start({.address = ProbeTarget::Unix{.path = directory_ + "/s"}});
  loop_.RunUntil([&] { return ready_; });
}

TEST_F(ReadinessProbeGrpcTest, AServerWithoutHealthIsNotReady) {
  const int port = StartServer(false);
  Start({.address = ProbeTarget::Tcp{.port = static_cast<uint16_t>(port)}});
  AwaitComplaint("health says UNIMPLEMENTED");
}

}  // namespace
}  // namespace espalier
