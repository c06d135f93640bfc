#include "supervisor/readiness/text_exchange.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

// Of a wrong answer, for the complaint.
constexpr size_t kShown = 60;

}  // namespace

void TextExchange::Receive(absl::string_view bytes) {
  if (result_.has_value()) return;
  absl::StrAppend(&received_, bytes.substr(0, kMaxAnswer));
  const size_t known = std::min(received_.size(), beginning_.size());
  if (absl::string_view(received_).substr(0, known) !=
      absl::string_view(beginning_).substr(0, known)) {
    const absl::string_view line =
        absl::string_view(received_).substr(0, received_.find('\n'));
    result_ = absl::UnavailableError(absl::StrCat(
        "it answers \"", absl::CHexEscape(line.substr(0, kShown)), "\""));
  } else if (known == beginning_.size()) {
    result_ = absl::OkStatus();
  }
}

}  // namespace espalier
