#include "environments/one.h"

#include "services/redis/redis.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/all.h"

namespace espalier {

Task<OneSite> One(Nursery& nursery, const OneOptions& options) {
  auto [postgres, redis] =
      co_await All(StartPostgres(nursery), StartRedis(nursery));
  Links<Http2Url> links = co_await StartLinks<Http2Url>(nursery, postgres);
  Gateway gateway = co_await StartGateway(nursery, links, redis);
  Nginx front = co_await StartNginx(
      nursery, gateway.url,
      {.workers = options.workers, .settings_file = options.nginx_settings});
  co_return OneSite{
      .front = front, .gateway = gateway, .links = links, .store = postgres};
}

}  // namespace espalier
