#ifndef ESPALIER_SERVICES_LINKS_LINKS_H_
#define ESPALIER_SERVICES_LINKS_LINKS_H_

#include <optional>
#include <string>
#include <variant>

#include "services/postgres/postgres.h"
#include "services/sqlite/sqlite.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

class Nursery;

// A running server of short links, over HTTP/1.1 with JSON or over HTTP/2 with
// gRPC (links.proto).
template <typename Url>
struct Links {
  // No constraint: StartLinks would then be refused for one of its return type,
  // and the compiler tell of no other protocol.
  static_assert(kIsOneOf<Url, HttpUrl, Http2Url>, "links speak these only");

  Url url;

  ESPALIER_HANDLE(Links, url);
};

// Where links can be kept. Servers with the same one serve the same links.
using LinksStore = std::variant<Postgres, Sqlite>;

struct LinksOptions {
  // Tells several of them apart.
  std::string name = "links";
};

// Starts a server of short links that keeps them in `store` or, without, in an
// SQLite file of its own, and which speaks the protocol of `Url`. A link that
// was acknowledged is on disk. Connections made while it restarts wait for it.
template <typename Url>
  requires kIsOneOf<Url, HttpUrl, Http2Url>
Task<Links<Url>> StartLinks(Nursery& nursery, std::optional<LinksStore> store,
                            LinksOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_LINKS_LINKS_H_
