// A real Redis server.

#include "services/redis/redis.h"

#include <hiredis/hiredis.h>

#include <csignal>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_directory.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

using Environment = TestEnvironment<Redis>;

absl::StatusOr<std::unique_ptr<Environment>> Start(
    RedisPersistence persistence, const std::string& data_dir = "",
    std::string settings = "") {
  return Environment::Start(
      "redis_test",
      [persistence, settings](Nursery& nursery) -> Task<Redis> {
        co_return co_await StartRedis(
            nursery, {.persistence = persistence, .settings = settings});
      },
      {.data_dir = data_dir});
}

// What Redis answers, as text; "(nil)" for no value.
std::string Ask(const Redis& redis, const char* command) {
  const std::unique_ptr<redisContext, decltype(&redisFree)> context(
      redisConnectUnix(Resolve(redis.url).c_str()), &redisFree);
  if (context == nullptr || context->err != 0) return "no connection";
  auto* reply = static_cast<redisReply*>(redisCommand(context.get(), command));
  if (reply == nullptr) return context->errstr;
  // Of a list, the last element.
  const redisReply* last =
      reply->elements == 0 ? reply : reply->element[reply->elements - 1];
  std::string text = last->type == REDIS_REPLY_NIL
                         ? "(nil)"
                         : std::string(last->str, last->len);
  freeReplyObject(reply);
  return text;
}

TEST(RedisTest, AnswersAtOnceAfterEachStart) {
  auto started = Start(RedisPersistence::kNone);
  ASSERT_TRUE(started.ok()) << started.status();
  const Redis redis = (*started)->handles();
  EXPECT_EQ(Ask(redis, "SET cat Tom"), "OK");
  EXPECT_EQ(Ask(redis, "GET cat"), "Tom");
  auto restarted = (*started)->KillAndAwaitRestart("redis");
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  // The same address; and a cache remembers nothing.
  EXPECT_EQ(Ask(redis, "GET cat"), "(nil)");
  EXPECT_EQ((*started)->Stop(), absl::OkStatus());
}

TEST(RedisTest, WhatIsToPersistSurvivesAKillAndTheNextRun) {
  TestDirectory directory;
  {
    auto started = Start(RedisPersistence::kAlways, directory.path());
    ASSERT_TRUE(started.ok()) << started.status();
    const Redis redis = (*started)->handles();
    EXPECT_EQ(Ask(redis, "SET cat Tom"), "OK");
    ASSERT_TRUE((*started)->KillAndAwaitRestart("redis").ok());
    EXPECT_EQ(Ask(redis, "GET cat"), "Tom");
    EXPECT_EQ(Ask(redis, "SET dog Spike"), "OK");
  }
  auto again = Start(RedisPersistence::kAlways, directory.path());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(Ask((*again)->handles(), "GET dog"), "Spike");
}

TEST(RedisTest, WhatToInstallIsSaidWhereItIsMissing) {
  const absl::Status status =
      Environment::Start("redis_test",
                         [](Nursery& nursery) -> Task<Redis> {
                           co_return co_await StartRedis(nursery);
                         },
                         {.not_installed = {"redis-server"}})
          .status();
  EXPECT_THAT(
      std::string(status.message()),
      testing::HasSubstr("install it with: sudo apt-get install redis-server"));
}

TEST(RedisTest, SettingsOfTheCallerWin) {
  auto started = Start(RedisPersistence::kNone, "", "maxmemory 1mb");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(Ask((*started)->handles(), "CONFIG GET maxmemory"), "1048576");
}

}  // namespace
}  // namespace espalier
