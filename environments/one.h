#ifndef ESPALIER_ENVIRONMENTS_ONE_H_
#define ESPALIER_ENVIRONMENTS_ONE_H_

#include <string>

#include "services/gateway/gateway.h"
#include "services/links/links.h"
#include "services/nginx/nginx.h"
#include "services/postgres/postgres.h"
#include "supervisor/task/task.h"

namespace espalier {

class Nursery;

struct OneOptions {
  // Processes of nginx that serve.
  int workers = 1;
  // See NginxOptions::settings_file.
  std::string nginx_settings = {};
};

// What the outside world sees of the environment.
struct OneSite {
  Nginx front;
  Gateway gateway;
  Links<Http2Url> links;
  Postgres store;
};

// Short links on real servers: links in PostgreSQL, Redis as the gateway's
// cache, nginx in front.
Task<OneSite> One(Nursery& nursery, const OneOptions& options);

}  // namespace espalier

#endif  // ESPALIER_ENVIRONMENTS_ONE_H_
