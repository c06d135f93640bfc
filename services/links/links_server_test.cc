// Tests of links_server as a process: how it takes its socket, how it ends,
// and what it says when it cannot work.

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/common/listener.h"
#include "services/common/testing/child_server.h"
#include "services/common/testing/http_client.h"
#include "services/common/testing/temp_path.h"
#include "services/links/links.grpc.pb.h"

namespace espalier::links {
namespace {

using ::testing::HasSubstr;

constexpr char kServer[] = "services/links/links_server";
constexpr int kPermanentFailure = 125;

class LinksServerTest : public testing::Test {
 protected:
  std::unique_ptr<ChildServer> Start(const std::string& protocol) {
    return std::make_unique<ChildServer>(
        kServer, std::vector<std::string>{"--protocol=" + protocol, store_},
        &listener_);
  }

  std::shared_ptr<grpc::Channel> Channel() {
    return grpc::CreateChannel(listener_.address(),
                               grpc::InsecureChannelCredentials());
  }

  grpc::Status Create(v1::Links::Stub& stub, const std::string& code) {
    grpc::ClientContext context;
    // Queued until the server, which may be starting, takes the connection.
    context.set_wait_for_ready(true);
    v1::CreateLinkRequest request;
    request.set_url("https://example.com/" + code);
    request.set_code(code);
    v1::Link link;
    return stub.CreateLink(&context, request, &link);
  }

  TempPath directory_;
  const std::string store_ = "--store=sqlite:" + (directory_ / "links.db");
  Listener listener_ = TestListener();
};

TEST_F(LinksServerTest, Http1ServesAndDrains) {
  const auto server = Start("http1");
  HttpConnection idle(listener_.port());
  EXPECT_EQ(idle.Request("GET", "/health").body, "ok\n");
  const HttpAnswer created =
      HttpCall(listener_.port(), "POST", "/links",
               R"({"url": "https://example.com/", "code": "a"})");
  EXPECT_EQ(created.status, 201);
  EXPECT_EQ(created.headers.at("location"), "/links/a");
  EXPECT_EQ(HttpCall(listener_.port(), "GET", "/links?limit=1").status, 200);
  EXPECT_EQ(
      HttpCall(listener_.port(), "POST", "/links", std::string(70000, 'x'))
          .status,
      413);
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait(), 0);
  EXPECT_TRUE(idle.WaitForEnd());
}

TEST_F(LinksServerTest, Http2ServesAndDrains) {
  const auto server = Start("http2");
  const auto stub = v1::Links::NewStub(Channel());
  EXPECT_TRUE(Create(*stub, "a").ok());
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait(), 0);
}

// grpc.health.v1.Health/Check with an empty request, which asks for the whole
// server; the answer's first field is the status, and 1 is SERVING.
TEST_F(LinksServerTest, Http2IsHealthy) {
  const auto server = Start("http2");
  grpc::GenericStub stub(Channel());
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  grpc::CompletionQueue queue;
  const grpc::Slice empty;
  const auto call =
      stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check",
                            grpc::ByteBuffer(&empty, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  ASSERT_TRUE(status.ok()) << status.error_message();
  grpc::Slice slice;
  ASSERT_TRUE(response.DumpToSingleSlice(&slice).ok());
  EXPECT_EQ(std::string(slice.begin(), slice.end()), "\x08\x01");
}

TEST_F(LinksServerTest, BothProtocolsShareAStore) {
  Listener other = TestListener();
  const auto http2 = Start("http2");
  const ChildServer http1(kServer, {"--protocol=http1", store_}, &other);
  const auto stub = v1::Links::NewStub(Channel());
  ASSERT_TRUE(Create(*stub, "a").ok());
  EXPECT_EQ(HttpCall(other.port(), "GET", "/links/a").status, 200);
}

TEST_F(LinksServerTest, RequestsWaitForTheNextGeneration) {
  auto first = Start("http1");
  EXPECT_EQ(HttpCall(listener_.port(), "GET", "/health").status, 200);
  first->Signal(SIGTERM);
  EXPECT_EQ(first->Wait(), 0);
  HttpConnection waiting(listener_.port());
  waiting.Send("GET /health HTTP/1.1\r\n\r\n");
  const auto second = Start("http1");
  EXPECT_EQ(waiting.Receive().body, "ok\n");
}

TEST_F(LinksServerTest, AcknowledgedLinksSurviveKill) {
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    const auto server = Start("http1");
    const std::string body =
        absl::StrCat(R"({"url": "https://a", "code": "round-)", round, "\"}");
    EXPECT_EQ(HttpCall(listener_.port(), "POST", "/links", body).status, 201);
    server->Signal(SIGKILL);
    EXPECT_EQ(server->Wait(), 128 + SIGKILL);
  }
  const auto server = Start("http1");
  for (int round = 0; round < kRounds; ++round) {
    EXPECT_EQ(
        HttpCall(listener_.port(), "GET", absl::StrCat("/links/round-", round))
            .status,
        200);
  }
}

TEST_F(LinksServerTest, WhatCannotWorkIsPermanentAndOneSentence) {
  const std::vector<std::vector<std::string>> permanent = {
      {"--bogus"},
      {"argument"},
      {"--protocol"},
      {store_},
      {"--protocol=http3", store_, "--address=127.0.0.1:0"},
      {"--protocol=http1", store_},
      {"--protocol=http1", store_, "--address=nonsense"},
      {"--protocol=http1", "--address=127.0.0.1:0"},
      {"--protocol=http1", "--store=mysql:x", "--address=127.0.0.1:0"},
  };
  for (const auto& arguments : permanent) {
    std::string errors;
    EXPECT_EQ(RunProgram(kServer, arguments, errors), kPermanentFailure)
        << arguments[0];
    EXPECT_THAT(errors, testing::StartsWith("links_server: "));
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
  }
}

TEST_F(LinksServerTest, AStoreThatCannotBeOpenedMayBeTriedAgain) {
  std::string errors;
  EXPECT_EQ(RunProgram(kServer,
                       {"--protocol=http1", "--address=127.0.0.1:0",
                        "--store=sqlite:" + (directory_ / "missing/x")},
                       errors),
            1);
  EXPECT_THAT(errors, HasSubstr("missing/x"));
}

}  // namespace
}  // namespace espalier::links
