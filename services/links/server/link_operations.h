#ifndef ESPALIER_SERVICES_LINKS_SERVER_LINK_OPERATIONS_H_
#define ESPALIER_SERVICES_LINKS_SERVER_LINK_OPERATIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/links/server/link_store.h"

namespace espalier::links {

// What the server does for both of its protocols: checks what came from
// outside, then asks the store. Errors are the rules' and the store's. From any
// thread; they block.

struct CreatedLink {
  Link link;
  bool is_new = true;  // False when the same link was there already.
};

// Stores a link to `url`, under a code of the server's choice when `code` is
// empty.
absl::StatusOr<CreatedLink> CreateLink(LinkStore& store, absl::string_view url,
                                       absl::string_view code);

absl::StatusOr<Link> GetLink(LinkStore& store, absl::string_view code);

struct LinkPage {
  std::vector<Link> links;
  std::string next;  // What `after` is for the next page; empty after the last.
};

// `limit` links at most, 1 to 1000; 0 stands for 100.
absl::StatusOr<LinkPage> ListLinks(LinkStore& store, absl::string_view after,
                                   int64_t limit);

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_LINK_OPERATIONS_H_
