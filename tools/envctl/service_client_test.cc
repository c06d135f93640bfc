#include "tools/envctl/service_client.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<ServiceSnapshot>& Services() {
  static const auto* const services = new std::vector<ServiceSnapshot>{
      {.name = "gateway",
       .endpoints = {{.name = "url", .url = "http://127.0.0.1:1"},
                     {.name = "admin", .url = "http://127.0.0.1:2"}}},
      {.name = "redis",
       .client = {.environment = {{.name = "REDIS", .value = "yes"}},
                  .arguments = {{"redis-cli", {"-s", "/run/socket"}}}}}};
  return *services;
}

TEST(ServiceClientTest, EveryProgramFindsTheEndpoints) {
  const auto client =
      ServiceClient::Make(Services(), "gateway", {"curl", "-s"});
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_THAT(client->arguments, ElementsAre("curl", "-s"));
  EXPECT_THAT(client->environment,
              ElementsAre(
                  ServiceSnapshot::Client::Variable{
                      .name = "URL", .value = "http://127.0.0.1:1"},
                  ServiceSnapshot::Client::Variable{
                      .name = "ADMIN", .value = "http://127.0.0.1:2"}));
}

TEST(ServiceClientTest, WhatAProgramNeedsComesBeforeItsOwnArguments) {
  for (const std::string program : {"redis-cli", "/opt/bin/redis-cli"}) {
    const auto client =
        ServiceClient::Make(Services(), "redis", {program, "PING"});
    ASSERT_TRUE(client.ok()) << client.status();
    EXPECT_THAT(client->arguments,
                ElementsAre(program, "-s", "/run/socket", "PING"));
    EXPECT_EQ(client->environment.size(), 1u);
  }
  EXPECT_THAT(ServiceClient::Make(Services(), "redis", {"env"})->arguments,
              ElementsAre("env"));
}

TEST(ServiceClientTest, AnUnknownServiceIsAnErrorThatNamesTheKnown) {
  const absl::Status status =
      ServiceClient::Make(Services(), "postgres", {"psql"}).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("gateway, redis"));
}

}  // namespace
}  // namespace espalier
