#include "supervisor/control/change_history.h"

namespace espalier {

void ChangeHistory::Add(const ServiceChange& change) {
  latest_ = change.revision;
  changes_.push_back(change);
  if (changes_.size() <= max_changes_) return;
  floor_ = changes_.front().revision;
  changes_.pop_front();
}

std::optional<std::vector<ServiceChange>> ChangeHistory::After(
    int64_t revision) const {
  if (revision < floor_ || revision > latest_) return std::nullopt;
  std::vector<ServiceChange> after;
  for (const ServiceChange& change : changes_) {
    if (change.revision > revision) after.push_back(change);
  }
  return after;
}

}  // namespace espalier
