#ifndef ESPALIER_SERVICES_REDIS_REDIS_H_
#define ESPALIER_SERVICES_REDIS_REDIS_H_

#include <string>

#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

class Nursery;

// A Redis server.
struct Redis {
  RedisUrl url;

  ESPALIER_HANDLE(Redis, url);
};

// What survives the end of the server.
enum class RedisPersistence {
  kNone,         // nothing: a cache
  kEverySecond,  // all but the last second
  kAlways,       // all that was acknowledged
};

struct RedisOptions {
  // Tells several of them apart.
  std::string name = "redis";
  RedisPersistence persistence = RedisPersistence::kNone;
  // In MiB; with kNone the least recently used keys make room, otherwise writes
  // fail. 0: no limit.
  int max_memory_mib = 64;
  // Lines for redis.conf, which come last and so win.
  std::string settings = {};
};

// Starts a Redis server (Debian's package redis-server) on a Unix socket, which
// only the user that services run as can reach; so it asks for no password.
// Ready when Redis itself says so, by sd_notify(3): it has to be built with
// libsystemd, as Debian's is; its log says so where it is not.
Task<Redis> StartRedis(Nursery& nursery, RedisOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_REDIS_REDIS_H_
