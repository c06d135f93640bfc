#ifndef ESPALIER_SERVICES_LINKS_SERVER_LINK_STORE_H_
#define ESPALIER_SERVICES_LINKS_SERVER_LINK_STORE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace espalier::links {

struct Link {
  std::string code;
  std::string url;

  friend bool operator==(const Link&, const Link&) = default;
};

// Where links are kept. They are added and never change. Several processes may
// use one store at the same time. All functions may be called from any thread,
// and block while the store works. Unavailable, from any of them, means that
// the store cannot be used just now; the same call may succeed later.
class LinkStore {
 public:
  virtual ~LinkStore() = default;

  // Adds `link`, whose parts were checked, and returns when it is on disk: true
  // when it is new, false when the same link was there already. AlreadyExists
  // when the code leads to another URL.
  virtual absl::StatusOr<bool> Add(const Link& link) = 0;

  // NotFound when there is none.
  virtual absl::StatusOr<Link> Get(absl::string_view code) = 0;

  // The first `limit` links whose codes come after `after`, in byte order.
  virtual absl::StatusOr<std::vector<Link>> List(absl::string_view after,
                                                 int limit) = 0;
};

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_LINK_STORE_H_
