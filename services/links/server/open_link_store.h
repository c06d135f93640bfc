#ifndef ESPALIER_SERVICES_LINKS_SERVER_OPEN_LINK_STORE_H_
#define ESPALIER_SERVICES_LINKS_SERVER_OPEN_LINK_STORE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/links/server/link_store.h"

namespace espalier::links {

// Opens the store that `spec` describes: "sqlite:PATH", or "postgresql://…" as
// PostgreSQL's own programs read it. InvalidArgument when it describes none;
// otherwise as the store's own function.
absl::StatusOr<std::unique_ptr<LinkStore>> OpenLinkStore(
    absl::string_view spec);

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_OPEN_LINK_STORE_H_
