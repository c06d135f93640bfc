// Tests of gateway_server as a process: how it takes its socket, how it ends,
// and what it says when it cannot work.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include "services/common/listener.h"
#include "services/common/testing/child_server.h"
#include "services/common/testing/http_client.h"
#include "services/common/testing/temp_path.h"

namespace espalier::gateway {
namespace {

constexpr char kServer[] = "services/gateway/gateway_server";
constexpr int kPermanentFailure = 125;

TEST(GatewayServer, ServesAndDrains) {
  TempPath directory;
  const Listener links_listener = TestListener();
  const ChildServer links(
      "services/links/links_server",
      {"--protocol=http2", "--store=sqlite:" + (directory / "links.db")},
      &links_listener);
  const Listener listener = TestListener();
  ChildServer gateway(kServer, {"--links=http://" + links_listener.address()},
                      &listener);
  HttpConnection connection(listener.port());
  EXPECT_EQ(
      connection
          .Request("POST", "/links", R"({"url": "https://a", "code": "mine"})")
          .status,
      201);
  EXPECT_EQ(connection.Request("GET", "/mine").status, 302);
  gateway.Signal(SIGTERM);
  EXPECT_EQ(gateway.Wait(), 0);
  EXPECT_TRUE(connection.WaitForEnd());
}

TEST(GatewayServer, FinishesWhatIsUnderWayBeforeItEnds) {
  TempPath directory;
  const Listener links_listener = TestListener();
  const Listener listener = TestListener();
  ChildServer gateway(kServer, {"--links=" + links_listener.address()},
                      &listener);
  HttpConnection connection(listener.port());
  connection.Send("GET /none HTTP/1.1\r\n\r\n");
  // Requests are read in the order of their arrival, so the first is under way
  // when the second is answered.
  EXPECT_EQ(HttpCall(listener.port(), "GET", "/health").status, 200);
  gateway.Signal(SIGTERM);
  const ChildServer links(
      "services/links/links_server",
      {"--protocol=http2", "--store=sqlite:" + (directory / "links.db")},
      &links_listener);
  EXPECT_EQ(connection.Receive().status, 404);
  EXPECT_EQ(gateway.Wait(), 0);
}

TEST(GatewayServer, WhatCannotWorkIsPermanentAndOneSentence) {
  const std::string links = "--links=http://127.0.0.1:1";
  const std::string address = "--address=127.0.0.1:0";
  const std::vector<std::vector<std::string>> permanent = {
      {"--bogus"},
      {"argument"},
      {address},
      {"--links=https://a:1", address},
      {links},
      {links, "--address=nonsense"},
      {links, address, "--redis=127.0.0.1:6379"},
      {links, address, "--redis=redis://:secret@127.0.0.1:6379"},
  };
  for (const auto& arguments : permanent) {
    std::string errors;
    EXPECT_EQ(RunProgram(kServer, arguments, errors), kPermanentFailure)
        << arguments.back();
    EXPECT_THAT(errors, testing::StartsWith("gateway_server: "));
    EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 1) << errors;
    EXPECT_THAT(errors, testing::Not(testing::HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace espalier::gateway
