#include "supervisor/control/control_server.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "supervisor/control/control.grpc.pb.h"
#include "supervisor/control/control_fixture.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ControlServerTest : public ControlFixture {
 protected:
  ControlServerTest() { StartServer(); }

  // As any gRPC client would come, not only ours.
  std::shared_ptr<grpc::Channel> Channel() {
    return grpc::CreateChannel("unix:" + SocketPath(),
                               grpc::InsecureChannelCredentials());
  }
  std::vector<std::string> Operations() {
    std::vector<std::string> operations;
    OnLoop([&] { operations = controlled_.operations(); });
    return operations;
  }
  void AwaitOperations(size_t count) {
    AwaitOnLoop([&] { return controlled_.operations().size() >= count; });
  }
};

TEST_F(ControlServerTest, ListsServices) {
  const auto client = Connect();
  const absl::StatusOr<ControlClient::ServiceList> list = client->List();
  ASSERT_EQ(list.status(), absl::OkStatus());
  ASSERT_EQ(list->services.size(), 2u);
  std::vector<ServiceSnapshot> expected;
  OnLoop([&] { expected = controlled_.List(); });
  EXPECT_EQ(list->services[0], expected[0]);
  EXPECT_EQ(list->services[1].why, "waits for links\nwhich said \\xff");
  EXPECT_EQ(list->services[1].needs, (std::vector<std::string>{"links"}));
  EXPECT_FALSE(list->run_id.empty());
}

TEST_F(ControlServerTest, OperationsAnswerWhenTheyAreDone) {
  const auto client = Connect();
  absl::Status restarted = absl::UnknownError("");
  std::thread waiting([&] { restarted = client->Restart("links"); });
  AwaitOperations(1);
  EXPECT_EQ(client->List().status(), absl::OkStatus()) << "meanwhile";
  OnLoop([&] { controlled_.Complete("restart links", absl::OkStatus()); });
  waiting.join();
  EXPECT_EQ(restarted, absl::OkStatus());
}

TEST_F(ControlServerTest, ErrorsComeThroughAsTheyAre) {
  const auto client = Connect();
  EXPECT_EQ(client->Restart("nobody"),
            absl::NotFoundError("there is no service `nobody`"));
  absl::Status stopped;
  std::thread waiting([&] { stopped = client->Stop("links"); });
  AwaitOperations(1);
  const absl::Status used =
      absl::FailedPreconditionError("`links` is used by `gateway`");
  OnLoop([&] { controlled_.Complete("stop links", used); });
  waiting.join();
  EXPECT_EQ(stopped, used);
}

TEST_F(ControlServerTest, EveryOperationGetsThrough) {
  OnLoop([&] { controlled_.answer_at_once(); });
  const auto client = Connect();
  EXPECT_EQ(client->Stop("links", {.with_dependents = true}), absl::OkStatus());
  EXPECT_EQ(client->Start("links"), absl::OkStatus());
  EXPECT_EQ(client->StopEnvironment(), absl::OkStatus());
  AwaitOperations(3);
  EXPECT_THAT(Operations(), ElementsAre("stop all of links", "start links",
                                        "stop environment"));
}

TEST_F(ControlServerTest, EndOfTheServerEndsWaitingCalls) {
  const auto client = Connect();
  absl::Status restarted;
  std::thread waiting([&] { restarted = client->Restart("links"); });
  AwaitOperations(1);
  StopServer();
  waiting.join();
  EXPECT_EQ(restarted, absl::UnavailableError("the environment has ended"));
  // Done too late, it reaches nobody.
  OnLoop([&] { controlled_.Complete("restart links", absl::OkStatus()); });
  EXPECT_TRUE(absl::IsUnavailable(client->Restart("links")));
  EXPECT_TRUE(absl::IsNotFound(ControlClient::Connect(SocketPath()).status()));
}

// grpc.health.v1.Health/Check for `service`, put together by hand, as the
// generated code for it is not in gRPC's packages.
std::string CheckHealth(const std::shared_ptr<grpc::Channel>& channel,
                        const std::string& service) {
  std::string text = service;
  if (!text.empty()) {
    text = "\x0a" + std::string(1, static_cast<char>(text.size())) + text;
  }
  const grpc::Slice slice(text);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareUnaryCall(
      &context, "/grpc.health.v1.Health/Check", request, &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag;
  bool ok;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  EXPECT_TRUE(status.ok()) << status.error_message();
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(response.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& part : slices) {
    bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  return bytes;
}

TEST_F(ControlServerTest, HealthServiceAnswers) {
  const std::string serving = "\x08\x01";
  EXPECT_EQ(CheckHealth(Channel(), ""), serving);
  EXPECT_EQ(CheckHealth(Channel(), "espalier.control.v1.Supervisor"), serving);
}

// F81.
TEST_F(ControlServerTest, OperationOutlivesAClientThatDies) {
  const auto stub = control::v1::Supervisor::NewStub(Channel());
  grpc::ClientContext context;
  control::v1::RestartRequest request;
  request.set_service("links");
  grpc::Status cancelled;
  std::thread dying([&] {
    control::v1::RestartResponse response;
    cancelled = stub->Restart(&context, request, &response);
  });
  AwaitOperations(1);
  context.TryCancel();
  dying.join();
  EXPECT_EQ(cancelled.error_code(), grpc::StatusCode::CANCELLED);
  // It was begun and is carried on to its end.
  OnLoop([&] { controlled_.Complete("restart links", absl::OkStatus()); });
  EXPECT_EQ(Connect()->List().status(), absl::OkStatus());
}

// F83.
TEST_F(ControlServerTest, HugeRequestIsRefused) {
  const auto client = Connect();
  const absl::Status refused = client->Restart(std::string(10 << 20, 'x'));
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_EQ(client->List().status(), absl::OkStatus());
}

// F83.
TEST_F(ControlServerTest, IdleClientsLockNobodyOut) {
  std::vector<std::unique_ptr<ControlClient>> idle;
  for (int i = 0; i < 200; ++i) {
    idle.push_back(Connect());
    ASSERT_EQ(idle.back()->List().status(), absl::OkStatus()) << i;
  }
  OnLoop([&] { EXPECT_GT(server_->refused().too_many, 100); });
  const absl::Status lost = idle.front()->List().status();
  EXPECT_TRUE(absl::IsUnavailable(lost)) << lost;
  EXPECT_THAT(lost.message(), HasSubstr("connection to the environment"));
}

}  // namespace
}  // namespace espalier
