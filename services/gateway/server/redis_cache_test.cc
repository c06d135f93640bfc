#include "services/gateway/server/redis_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "services/common/event_loop.h"
#include "services/common/testing/child_server.h"
#include "services/gateway/server/fake_redis.h"
#include "services/gateway/server/redis_address.h"

namespace espalier::gateway {
namespace {

using ::testing::ElementsAre;

// Long enough that it never ends by itself, in tests where it must not.
constexpr absl::Duration kNever = absl::Hours(1);

class RedisCacheTest : public testing::Test {
 protected:
  RedisCacheTest() {
    Listener listener = TestListener();
    address_ = {.host = "127.0.0.1", .port = listener.port(), .path = ""};
    redis_ = std::make_unique<FakeRedis>(loop_, std::move(listener));
  }

  // Runs the loop until `condition` holds, which is looked at whenever
  // something may have happened.
  void RunUntil(const std::function<bool()>& condition) {
    std::optional<EventLoop::Timer> look;
    std::function<void()> check = [&] {
      if (condition()) return loop_.Quit();
      look.emplace(loop_, absl::Milliseconds(1), check);
    };
    check();
    loop_.Run();
  }

  std::optional<std::string> Get(RedisCache& cache, const std::string& code) {
    std::optional<std::optional<std::string>> answer;
    cache.Get(code,
              [&](std::optional<std::string> url) { answer = std::move(url); });
    RunUntil([&] { return answer.has_value(); });
    return *answer;
  }

  EventLoop loop_;
  RedisAddress address_;
  std::unique_ptr<FakeRedis> redis_;
};

TEST_F(RedisCacheTest, RemembersLinks) {
  RedisCache cache(loop_, address_, {.timeout = kNever});
  RunUntil([&] { return cache.connected(); });
  EXPECT_EQ(Get(cache, "a"), std::nullopt);
  cache.Put("a", "http://x");
  EXPECT_EQ(Get(cache, "a"), "http://x");
  EXPECT_THAT(redis_->commands,
              ElementsAre("GET espalier:link:a",
                          "SET espalier:link:a http://x EX 86400",
                          "GET espalier:link:a"));
}

TEST_F(RedisCacheTest, LogsInFirst) {
  RedisCache cache(loop_, address_,
                   {.password = "pass word", .timeout = kNever});
  RunUntil([&] { return cache.connected(); });
  Get(cache, "a");
  EXPECT_THAT(redis_->commands,
              ElementsAre("AUTH pass word", "GET espalier:link:a"));
}

TEST_F(RedisCacheTest, KnowsNothingBeforeItIsConnected) {
  RedisCache cache(loop_, address_, {.timeout = kNever});
  bool asked = false;
  cache.Put("a", "http://x");
  cache.Get("a",
            [&](std::optional<std::string> url) { asked = !url.has_value(); });
  EXPECT_TRUE(asked);
}

TEST_F(RedisCacheTest, ConnectsAgain) {
  RedisCache cache(
      loop_, address_,
      {.timeout = kNever, .reconnect_delay = absl::ZeroDuration()});
  RunUntil([&] { return cache.connected(); });
  cache.Put("a", "http://x");
  EXPECT_EQ(Get(cache, "a"), "http://x");
  redis_->Disconnect();
  // How long it is without a connection in between may be too short to see.
  RunUntil([&] { return redis_->accepted == 2 && cache.connected(); });
  EXPECT_EQ(Get(cache, "a"), "http://x");
}

TEST_F(RedisCacheTest, WaitsForAServerThatIsNotThere) {
  redis_.reset();
  RedisCache cache(
      loop_, address_,
      {.timeout = kNever, .reconnect_delay = absl::ZeroDuration()});
  EXPECT_EQ(Get(cache, "a"), std::nullopt);
  absl::StatusOr<Listener> listener =
      Listener::Bind("127.0.0.1:" + std::to_string(address_.port));
  // Somebody else may have been given the port meanwhile; then there is nothing
  // to see here.
  if (!listener.ok()) return;
  redis_ = std::make_unique<FakeRedis>(loop_, *std::move(listener));
  RunUntil([&] { return cache.connected(); });
}

TEST_F(RedisCacheTest, AnswersWhatWasAskedWhenTheConnectionIsLost) {
  redis_->silent = true;
  RedisCache cache(loop_, address_,
                   {.timeout = kNever, .reconnect_delay = kNever});
  RunUntil([&] { return cache.connected(); });
  int answers = 0;
  for (int i = 0; i < 3; ++i) {
    cache.Get("a", [&](std::optional<std::string> url) {
      EXPECT_EQ(url, std::nullopt);
      ++answers;
      // Whoever is answered may ask again.
      cache.Put("b", "http://x");
    });
  }
  RunUntil([&] { return redis_->commands.size() == 3; });
  redis_->Disconnect();
  RunUntil([&] { return answers == 3; });
}

TEST_F(RedisCacheTest, GivesASilentServerUp) {
  redis_->silent = true;
  RedisCache cache(
      loop_, address_,
      {.timeout = absl::Milliseconds(20), .reconnect_delay = kNever});
  RunUntil([&] { return cache.connected(); });
  EXPECT_EQ(Get(cache, "a"), std::nullopt);
  EXPECT_FALSE(cache.connected());
}

TEST_F(RedisCacheTest, LimitsWhatIsUnderWay) {
  redis_->silent = true;
  int answers = 0;  // The cache answers at its end, too.
  RedisCache cache(loop_, address_, {.timeout = kNever, .max_pending = 1});
  RunUntil([&] { return cache.connected(); });
  for (int i = 0; i < 2; ++i)
    cache.Get("a", [&](std::optional<std::string>) { ++answers; });
  EXPECT_EQ(answers, 1);
}

TEST_F(RedisCacheTest, AnswersEverythingAtItsEnd) {
  redis_->silent = true;
  auto cache = std::make_unique<RedisCache>(
      loop_, address_, RedisCacheOptions{.timeout = kNever});
  RunUntil([&] { return cache->connected(); });
  bool answered = false;
  cache->Get("a", [&](std::optional<std::string>) { answered = true; });
  cache.reset();
  EXPECT_TRUE(answered);
}

TEST(RedisAddress, IsRead) {
  const auto tcp = ParseRedisAddress("redis://127.0.0.1:6379");
  ASSERT_TRUE(tcp.ok()) << tcp.status();
  EXPECT_EQ(tcp->host, "127.0.0.1");
  EXPECT_EQ(tcp->port, 6379);
  EXPECT_EQ(ParseRedisAddress("redis://[::1]:6379/")->host, "::1");
  EXPECT_EQ(ParseRedisAddress("unix:/run/redis.sock")->path, "/run/redis.sock");
  EXPECT_EQ(ParseRedisAddress("/run/redis.sock")->path, "/run/redis.sock");
  for (const char* text :
       {"", "127.0.0.1:6379", "redis://127.0.0.1", "redis://:6379",
        "redis://a:0", "redis://a:x", "redis://user:secret@127.0.0.1:6379",
        "redis://127.0.0.1:6379/1/", "unix:relative"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseRedisAddress(text).status()))
        << text;
  }
}

}  // namespace
}  // namespace espalier::gateway
