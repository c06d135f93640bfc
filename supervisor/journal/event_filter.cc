#include "supervisor/journal/event_filter.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace espalier {

bool Concerns(const journal::v1::Event& event,
              const std::vector<std::string>& services) {
  if (services.empty()) return true;
  const auto is_wanted = [&](const std::string& service) {
    return std::count(services.begin(), services.end(), service) > 0;
  };
  if (event.has_transition()) return is_wanted(event.transition().service());
  if (event.has_freeze_change()) {
    return is_wanted(event.freeze_change().service());
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
