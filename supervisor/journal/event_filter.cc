#include "supervisor/journal/event_filter.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace espalier {

bool Concerns(const journal::v1::Event& event,
              const std::vector<std::string>& services) {
  if (services.empty()) return true;
  if (event.has_transition()) {
    return std::count(services.begin(), services.end(),
                      event.transition().service()) > 0;
  }
  if (!event.has_group_transition()) return true;
  const std::string inside =
      absl::StrCat(event.group_transition().group(), "/");
  return std::any_of(services.begin(), services.end(),
                     [&](const std::string& service) {
                       return absl::StartsWith(service, inside);
                     });
}

}  // namespace espalier
