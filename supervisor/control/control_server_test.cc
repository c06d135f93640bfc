#include "supervisor/control/control_server.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <random>
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

constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// An HTTP/2 frame (RFC 9113, 4.1).
std::string Frame(char type, char flags, char stream,
                  const std::string& payload) {
  std::string frame(9, '\0');
  frame[1] = static_cast<char>(payload.size() >> 8);
  frame[2] = static_cast<char>(payload.size());
  frame[3] = type;
  frame[4] = flags;
  frame[8] = stream;
  return frame + payload;
}

// A header field that no table is asked for (RFC 7541, 6.2.2).
std::string Header(const std::string& name, const std::string& value) {
  const auto text = [](const std::string& s) {
    return std::string(1, static_cast<char>(s.size())) + s;
  };
  return std::string(1, '\0') + text(name) + text(value);
}

// All that a client sends to call Restart, as one piece.
std::string RestartRequestBytes(const std::string& service) {
  control::v1::RestartRequest request;
  request.set_service(service);
  const std::string message = request.SerializeAsString();
  const std::string headers =
      Header(":method", "POST") + Header(":scheme", "http") +
      Header(":path", "/espalier.control.v1.Supervisor/Restart") +
      Header(":authority", "localhost") +
      Header("content-type", "application/grpc") + Header("te", "trailers");
  constexpr char kEndStream = 1, kEndHeaders = 4;
  constexpr char kData = 0, kHeaders = 1, kSettings = 4;
  return kPreface + Frame(kSettings, 0, 0, "") +
         Frame(kHeaders, kEndHeaders, 1, headers) +
         Frame(kData, kEndStream, 1,
               std::string(4, '\0') +
                   std::string(1, static_cast<char>(message.size())) + message);
}

class ControlServerTest : public ControlFixture {
 protected:
  ControlServerTest() { StartServer(); }

  // As any gRPC client would come, not only ours.
  std::shared_ptr<grpc::Channel> Channel() {
    return grpc::CreateChannel("unix:" + SocketPath(),
                               grpc::InsecureChannelCredentials());
  }
  int RawConnection() {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    SocketPath().copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(
        connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
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
  EXPECT_EQ(list->services[1].needs_at_start,
            (std::vector<std::string>{"seed"}));
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

// F81: a client whose process was killed says nothing more, not even that it
// cancels.
TEST_F(ControlServerTest, OperationOutlivesAClientThatIsKilled) {
  const int connection = RawConnection();
  const pid_t child = fork();
  if (child == 0) {
    // What gRPC would send for Restart("links"), with literal header fields.
    const std::string request = RestartRequestBytes("links");
    send(connection, request.data(), request.size(), MSG_NOSIGNAL);
    pause();
    _exit(1);
  }
  close(connection);
  AwaitOperations(1);
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(Connect()->List().status(), absl::OkStatus());
  OnLoop([&] { controlled_.Complete("restart links", absl::OkStatus()); });
  EXPECT_EQ(Connect()->List().status(), absl::OkStatus());
  EXPECT_THAT(Operations(), ElementsAre("restart links"));
}

// F83.
TEST_F(ControlServerTest, GarbageAfterThePrefaceDoesNoHarm) {
  std::minstd_rand random(1);
  for (int i = 0; i < 200; ++i) {
    const int connection = RawConnection();
    std::string bytes(kPreface);
    for (int j = 0; j < 1000; ++j) bytes += static_cast<char>(random());
    send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    close(connection);
  }
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

TEST_F(ControlServerTest, ExplainsAService) {
  const auto client = Connect();
  const absl::StatusOr<std::vector<Explanation>> chain =
      client->Explain("gateway");
  ASSERT_EQ(chain.status(), absl::OkStatus());
  std::vector<Explanation> expected;
  OnLoop([&] { expected = *controlled_.Explain("gateway"); });
  expected[0].service.why = "waits for links\nwhich said \\xff";
  EXPECT_EQ(*chain, expected);
  EXPECT_EQ(client->Explain("nobody").status(),
            absl::NotFoundError("there is no service `nobody`"));
}

}  // namespace
}  // namespace espalier
