#ifndef ESPALIER_SERVICES_REDIS_REDIS_H_
#define ESPALIER_SERVICES_REDIS_REDIS_H_

#include "supervisor/wiring/endpoint.h"

namespace espalier {

// A Redis server that its holder may use as a cache.
struct Redis {
  RedisUrl url;

  friend bool operator==(const Redis&, const Redis&) = default;
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_REDIS_REDIS_H_
