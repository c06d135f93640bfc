#include "services/redis/redis.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {
namespace {

std::string PersistenceSettings(RedisPersistence persistence) {
  switch (persistence) {
    case RedisPersistence::kNone:
      return "appendonly no\nmaxmemory-policy allkeys-lru\n";
    case RedisPersistence::kEverySecond:
      return "appendonly yes\nappendfsync everysec\n";
    case RedisPersistence::kAlways:
      return "appendonly yes\nappendfsync always\n";
  }
  return "";
}

// Snapshots in the middle of the run (`save`) are of no use beside the
// append-only file, nor for a cache.
Text Settings(const Service& redis, const RedisUrl& url,
              const RedisOptions& options) {
  return Text("port 0\nunixsocket ", url,
              "\n"
              "unixsocketperm 700\n"
              "dir ",
              redis.data(),
              "\n"
              "daemonize no\n"
              "supervised auto\n"
              "logfile \"\"\n"
              "save \"\"\n"
              "maxmemory ",
              absl::StrCat(options.max_memory_mib, "mb\n"),
              PersistenceSettings(options.persistence), options.settings,
              options.settings.empty() ? "" : "\n");
}

}  // namespace

Task<Redis> StartRedis(Nursery& nursery, RedisOptions options) {
  Service redis = nursery.NewService(options.name);
  const RedisUrl url = redis.ReserveUnix<RedisUrl>("socket");
  const Path settings = redis.data() / "redis.conf";
  // It says itself when the data are loaded. Its socket is there before, and
  // answers with an error meanwhile.
  co_return co_await redis.Start(
      {.program = Program::System("redis-server", "redis-server"),
       .arguments = {settings},
       .files = {{.path = settings, .contents = Settings(redis, url, options)}},
       .readiness = Readiness::Notify(),
       .client = {.arguments = {{"redis-cli", {"-s", url}},
                                {"redis-benchmark", {"-s", url}}}}},
      Redis{.url = url});
}

}  // namespace espalier
