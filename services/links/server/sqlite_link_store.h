#ifndef ESPALIER_SERVICES_LINKS_SERVER_SQLITE_LINK_STORE_H_
#define ESPALIER_SERVICES_LINKS_SERVER_SQLITE_LINK_STORE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/links/server/link_store.h"

namespace espalier::links {

// Opens the links in the SQLite file `path`, which is created when missing; its
// directory must exist. A write is on disk (fsync) before it is acknowledged.
// Readers do not wait for writers. Whoever waits for another process's lock
// gives up after `busy_timeout`, with Unavailable. FailedPrecondition when the
// file is not a database of links, or one of a later format; Unavailable when
// it cannot be opened or is locked.
absl::StatusOr<std::unique_ptr<LinkStore>> OpenSqliteLinkStore(
    const std::string& path, absl::Duration busy_timeout = absl::Seconds(5));

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_SQLITE_LINK_STORE_H_
