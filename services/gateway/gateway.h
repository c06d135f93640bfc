#ifndef ESPALIER_SERVICES_GATEWAY_GATEWAY_H_
#define ESPALIER_SERVICES_GATEWAY_GATEWAY_H_

#include <optional>
#include <string>

#include "services/links/links.h"
#include "services/redis/redis.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

class Nursery;

// The front door for short links: POST /links makes one, GET /<code> follows
// it, GET /status tells how it is doing.
struct Gateway {
  HttpUrl url;

  ESPALIER_HANDLE(Gateway, url);
};

struct GatewayOptions {
  std::string name = "gateway";
  // How long an answer of the links server may take, in milliseconds; then
  // clients are told that it is not there. By default the gateway's own, 5 s.
  std::optional<int> links_deadline_ms = std::nullopt;
};

// Starts a gateway to `links`; `cache` remembers where links lead, and may fail
// without harm.
Task<Gateway> StartGateway(Nursery& nursery, Links<Http2Url> links,
                           std::optional<Redis> cache,
                           GatewayOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_GATEWAY_GATEWAY_H_
