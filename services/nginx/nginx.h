#ifndef ESPALIER_SERVICES_NGINX_NGINX_H_
#define ESPALIER_SERVICES_NGINX_NGINX_H_

#include <optional>
#include <string>
#include <vector>

#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"
#include "supervisor/wiring/text.h"

namespace espalier {

class Nursery;

// A web server in front of others.
struct Nginx {
  HttpUrl url;

  ESPALIER_HANDLE(Nginx, url);
};

// One that is spoken to over TLS.
struct NginxTls {
  HttpsUrl url;
  // The certificate in PEM, which a client trusts to know the server by.
  Path certificate;

  ESPALIER_HANDLE(NginxTls, url, certificate);
};

// Servers that do the same: one or several replicas. What a handle leads to
// over HTTP/1.1 converts: `gateway.url`, or {a.url, b.url}.
class HttpReplicas {
 public:
  HttpReplicas(HttpUrl url) : urls_{std::move(url)} {}
  HttpReplicas(std::vector<HttpUrl> urls) : urls_(std::move(urls)) {}
  const std::vector<HttpUrl>& urls() const { return urls_; }

 private:
  std::vector<HttpUrl> urls_;
};

struct NginxOptions {
  // Tells several of them apart.
  std::string name = "nginx";
  // Processes that serve.
  int workers = 1;
  // A directory whose files are served below /static/: a Path, or the absolute
  // path of one that the services' user may read.
  std::optional<Text> static_files = std::nullopt;
  // Directives for the `server` block, which come last.
  Text settings = {};
  // Absolute path of a file with more of them, which the services' user may
  // read. `envctl reload nginx` has it read anew.
  std::string settings_file = {};
};

// Starts nginx (Debian's package nginx) as a reverse proxy for `replicas`,
// which get the requests in turn; one that refuses the connection is passed
// over. At least one replica is needed (InvalidArgument).
//
// It takes a held listener: while it restarts, connections wait, and none is
// refused. Asked to end, it first answers the requests that it has.
Task<Nginx> StartNginx(Nursery& nursery, HttpReplicas replicas,
                       NginxOptions options = {});

// The same behind TLS. A one-shot, <name>-certificate, makes a key and a
// certificate for 127.0.0.1 and localhost that it signs itself (Debian's
// package openssl), once for each instance; the key is open to the services'
// user only.
Task<NginxTls> StartNginxTls(Nursery& nursery, HttpReplicas replicas,
                             NginxOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_NGINX_NGINX_H_
