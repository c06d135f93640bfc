#include "services/links/server/open_link_store.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/links/server/sqlite_link_store.h"

namespace espalier::links {

absl::StatusOr<std::unique_ptr<LinkStore>> OpenLinkStore(
    absl::string_view spec) {
  absl::string_view rest = spec;
  if (absl::ConsumePrefix(&rest, "sqlite:") && !rest.empty())
    return OpenSqliteLinkStore(std::string(rest));
  return absl::InvalidArgumentError(absl::StrCat(
      "--store=", spec, " describes no store; say --store=sqlite:PATH"));
}

}  // namespace espalier::links
