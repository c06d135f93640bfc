#include "services/links/server/link_operations.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "services/links/server/link_rules.h"

namespace espalier::links {
namespace {

constexpr int kDefaultPage = 100;
constexpr int kMaxPage = 1000;
// A random code that is taken has a chance of one in billions; more than a few
// of them are a fault.
constexpr int kCodeAttempts = 5;

absl::StatusOr<CreatedLink> CreateUnderRandomCode(LinkStore& store,
                                                  absl::string_view url) {
  absl::Status last;
  for (int attempt = 0; attempt < kCodeAttempts; ++attempt) {
    Link link = {.code = RandomCode(), .url = std::string(url)};
    absl::StatusOr<bool> added = store.Add(link);
    if (added.ok())
      return CreatedLink{.link = std::move(link), .is_new = *added};
    last = added.status();
    if (!absl::IsAlreadyExists(last)) return last;
  }
  return absl::InternalError("no free code was found");
}

}  // namespace

absl::StatusOr<CreatedLink> CreateLink(LinkStore& store, absl::string_view url,
                                       absl::string_view code) {
  absl::Status valid = CheckUrl(url);
  if (!valid.ok()) return valid;
  if (code.empty()) return CreateUnderRandomCode(store, url);
  valid = CheckCode(code);
  if (!valid.ok()) return valid;
  Link link = {.code = std::string(code), .url = std::string(url)};
  absl::StatusOr<bool> added = store.Add(link);
  if (!added.ok()) return added.status();
  return CreatedLink{.link = std::move(link), .is_new = *added};
}

absl::StatusOr<Link> GetLink(LinkStore& store, absl::string_view code) {
  const absl::Status valid = CheckCode(code);
  if (!valid.ok()) return valid;
  return store.Get(code);
}

absl::StatusOr<LinkPage> ListLinks(LinkStore& store, absl::string_view after,
                                   int64_t limit) {
  if (limit < 0 || limit > kMaxPage) {
    return absl::InvalidArgumentError(
        absl::StrCat("the limit must be 1 to ", kMaxPage));
  }
  const absl::Status valid =
      after.empty() ? absl::OkStatus() : CheckCode(after);
  if (!valid.ok()) return valid;
  const size_t count = limit == 0 ? kDefaultPage : limit;
  // One more than asked for tells whether there is a next page.
  absl::StatusOr<std::vector<Link>> links =
      store.List(after, static_cast<int>(count + 1));
  if (!links.ok()) return links.status();
  LinkPage page = {.links = *std::move(links), .next = ""};
  if (page.links.size() > count) {
    page.links.resize(count);
    page.next = page.links.back().code;
  }
  return page;
}

}  // namespace espalier::links
