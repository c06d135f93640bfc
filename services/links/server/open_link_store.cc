#include "services/links/server/open_link_store.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/links/server/postgres_link_store.h"
#include "services/links/server/sqlite_link_store.h"

namespace espalier::links {

absl::StatusOr<std::unique_ptr<LinkStore>> OpenLinkStore(
    absl::string_view spec) {
  absl::string_view rest = spec;
  if (absl::ConsumePrefix(&rest, "sqlite:") && !rest.empty())
    return OpenSqliteLinkStore(std::string(rest));
  if (absl::StartsWith(spec, "postgresql://"))
    return OpenPostgresLinkStore(std::string(spec));
  return absl::InvalidArgumentError(
      absl::StrCat("--store=", spec,
                   " describes no store; say --store=sqlite:PATH or "
                   "--store=postgresql://…"));
}

}  // namespace espalier::links
