#include "services/links/server/link_rules.h"

#include <algorithm>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace espalier::links {
namespace {

constexpr size_t kRandomCodeBytes = 8;
constexpr absl::string_view kLettersAndDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
// RFC 3986 leaves these out of URLs; in a header or a page they would do harm.
constexpr absl::string_view kForbidden = "\"<>\\^`{|}";

bool MayBeInUrl(char c) {
  return absl::ascii_isgraph(static_cast<unsigned char>(c)) &&
         !absl::StrContains(kForbidden, c);
}

// Whether `authority`, what stands between "//" and the path, has a host and,
// if any, a sensible port.
bool HasHost(absl::string_view authority) {
  absl::string_view host =
      authority.substr(authority.rfind('@') + 1);  // npos + 1 is 0.
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  if (colon != host.npos && (bracket == host.npos || colon > bracket)) {
    uint32_t port = 0;
    if (!absl::SimpleAtoi(host.substr(colon + 1), &port) || port == 0 ||
        port > 65535)
      return false;
    host = host.substr(0, colon);
  }
  if (absl::StartsWith(host, "["))
    return absl::EndsWith(host, "]") && host.size() > 2;
  return !host.empty() && host.find_first_of("[]:") == host.npos;
}

}  // namespace

absl::Status CheckUrl(absl::string_view url) {
  if (url.empty()) return absl::InvalidArgumentError("the URL is missing");
  if (url.size() > kMaxUrlBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the URL is longer than ", kMaxUrlBytes, " bytes"));
  }
  if (!std::all_of(url.begin(), url.end(), MayBeInUrl)) {
    return absl::InvalidArgumentError(
        "the URL has a character that must be percent-encoded: a space, a "
        "control character, one of \"<>\\^`{|}, or one "
        "that is not ASCII");
  }
  const size_t scheme_end = url.find("://");
  const absl::string_view scheme =
      url.substr(0, scheme_end == url.npos ? 0 : scheme_end);
  if (!absl::EqualsIgnoreCase(scheme, "http") &&
      !absl::EqualsIgnoreCase(scheme, "https")) {
    return absl::InvalidArgumentError(
        "the URL must begin with http:// or https://");
  }
  const absl::string_view rest = url.substr(scheme_end + 3);
  if (!HasHost(rest.substr(0, rest.find_first_of("/?#")))) {
    return absl::InvalidArgumentError("the URL has no valid host and port");
  }
  return absl::OkStatus();
}

absl::Status CheckCode(absl::string_view code) {
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
           c == '-';
  };
  if (code.empty() || code.size() > kMaxCodeBytes ||
      !std::all_of(code.begin(), code.end(), allowed)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a code is 1 to ", kMaxCodeBytes,
                     " letters, digits, underscores and hyphens"));
  }
  return absl::OkStatus();
}

std::string RandomCode() {
  absl::BitGen random;
  std::string code;
  for (size_t i = 0; i < kRandomCodeBytes; ++i) {
    code += kLettersAndDigits[absl::Uniform<size_t>(random, 0,
                                                    kLettersAndDigits.size())];
  }
  return code;
}

}  // namespace espalier::links
