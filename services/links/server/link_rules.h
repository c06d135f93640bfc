#ifndef ESPALIER_SERVICES_LINKS_SERVER_LINK_RULES_H_
#define ESPALIER_SERVICES_LINKS_SERVER_LINK_RULES_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace espalier::links {

inline constexpr size_t kMaxUrlBytes = 2048;
inline constexpr size_t kMaxCodeBytes = 64;

// Whether `url` may be stored: an absolute http or https URL of visible ASCII
// characters, with a host, 2048 bytes at most. Such a URL can be put in a
// Location header as it is. InvalidArgument says what is wrong, as a sentence
// for whoever sent it.
absl::Status CheckUrl(absl::string_view url);

// Whether `code` may name a link: 1 to 64 of the characters A-Z a-z 0-9 _ -.
// InvalidArgument otherwise.
absl::Status CheckCode(absl::string_view code);

// A code that nobody has used, with near certainty: 8 random letters and digits
// (47 bits). From any thread.
std::string RandomCode();

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_LINK_RULES_H_
