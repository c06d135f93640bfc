#ifndef ESPALIER_SERVICES_LINKS_SERVER_POSTGRES_LINK_STORE_H_
#define ESPALIER_SERVICES_LINKS_SERVER_POSTGRES_LINK_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "services/links/server/link_store.h"

namespace espalier::links {

// Opens the links in the table "links" of a PostgreSQL database, which is made
// when it is missing. `url` as for PostgresConnection. A commit is on the
// server's disk before it is acknowledged. A server that goes away and comes
// back is connected to again by the next call. FailedPrecondition when there is
// no such database, the password is wrong, or the table is not one of links;
// Unavailable when the server cannot be used just now.
absl::StatusOr<std::unique_ptr<LinkStore>> OpenPostgresLinkStore(
    const std::string& url);

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_POSTGRES_LINK_STORE_H_
