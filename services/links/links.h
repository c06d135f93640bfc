#ifndef ESPALIER_SERVICES_LINKS_LINKS_H_
#define ESPALIER_SERVICES_LINKS_LINKS_H_

#include <concepts>
#include <optional>
#include <string>

#include "services/postgres/postgres.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"
#include "supervisor/wiring/text.h"

namespace espalier {

class Nursery;

// What links can be served over: HTTP/1.1 with JSON, or HTTP/2 with gRPC
// (links.proto).
template <typename Url>
concept LinksProtocol =
    std::same_as<Url, HttpUrl> || std::same_as<Url, Http2Url>;

// A running server of short links.
template <LinksProtocol Url>
struct Links {
  Url url;

  ESPALIER_HANDLE(Links, url);
};

struct LinksOptions {
  // Tells several of them apart.
  std::string name = "links";
  // The SQLite file that holds the links, when no PostgreSQL does: by default
  // one of its own. Servers that are given the same file serve the same links.
  std::optional<Path> database = std::nullopt;
};

// Starts a server of short links that keeps them in `postgres` or, without, in
// an SQLite file, and which speaks the protocol of `Url`. A link that was
// acknowledged is on disk. Connections made while it restarts wait for it.
template <LinksProtocol Url>
Task<Links<Url>> StartLinks(Nursery& nursery, std::optional<Postgres> postgres,
                            LinksOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_LINKS_LINKS_H_
