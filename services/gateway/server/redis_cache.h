#ifndef ESPALIER_SERVICES_GATEWAY_SERVER_REDIS_CACHE_H_
#define ESPALIER_SERVICES_GATEWAY_SERVER_REDIS_CACHE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/common/event_loop.h"
#include "services/gateway/server/cache.h"
#include "services/gateway/server/redis_address.h"

struct redisAsyncContext;

namespace espalier::gateway {

struct RedisCacheOptions {
  // Sent with AUTH when not empty.
  std::string password = {};
  // An answer that takes longer counts as "not known", and the connection is
  // made anew.
  absl::Duration timeout = absl::Milliseconds(250);
  // Between attempts to connect.
  absl::Duration reconnect_delay = absl::Milliseconds(200);
  // How long Redis keeps a link.
  absl::Duration time_to_live = absl::Hours(24);
  // Questions under way; further ones are not asked.
  size_t max_pending = 1024;
};

// A cache in a Redis server, which may come and go. States: down (a timer runs
// until the next attempt), connecting, up. Only when it is up is it asked; in
// the other states nothing is known.
class RedisCache final : public Cache {
 public:
  // Begins to connect. `loop` must outlive the cache.
  RedisCache(EventLoop& loop, RedisAddress address,
             RedisCacheOptions options = {});
  RedisCache(const RedisCache&) = delete;
  RedisCache& operator=(const RedisCache&) = delete;
  // Answers what is under way with "not known".
  ~RedisCache() override;

  absl::string_view kind() const override { return "redis"; }
  bool connected() const override { return up_; }
  void Get(const std::string& code, Found found) override;
  void Put(const std::string& code, const std::string& url) override;

 private:
  struct Question;

  // Sends a command, and calls `found` once: with the answer if that is a
  // string.
  void Ask(const char* command, Found found,
           const std::vector<absl::string_view>& arguments);
  void Connect();
  void OnConnected(bool ok);
  void OnGone();
  // Gives the connection up, if there is one, and tries again later.
  void Reconnect();
  void Drop();

  EventLoop& loop_;
  const RedisAddress address_;
  const RedisCacheOptions options_;
  redisAsyncContext* context_ =
      nullptr;  // Owned; hiredis may free it first, and says so.
  bool up_ = false;
  size_t pending_ = 0;
  // Runs while connecting (the timeout) and while down (the delay).
  std::optional<EventLoop::Timer> timer_;
};

}  // namespace espalier::gateway

#endif  // ESPALIER_SERVICES_GATEWAY_SERVER_REDIS_CACHE_H_
