#ifndef ESPALIER_SERVICES_LINKS_SERVER_SERVE_H_
#define ESPALIER_SERVICES_LINKS_SERVER_SERVE_H_

#include "absl/status/status.h"
#include "services/common/listener.h"
#include "services/links/server/link_store.h"

namespace espalier::links {

// Serve `store` on `listener` until `stop_fd` becomes readable (it is
// TerminationFd's), then drain, and return. Both take over the calling thread.
// An error means that serving never began.

// The JSON API over HTTP/1.1.
absl::Status ServeHttp1(LinkStore& store, Listener listener, int stop_fd);

// The gRPC API, and gRPC's health service, over HTTP/2 without TLS.
absl::Status ServeHttp2(LinkStore& store, Listener listener, int stop_fd);

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_SERVE_H_
