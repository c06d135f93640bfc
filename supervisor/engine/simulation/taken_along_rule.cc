#include "supervisor/engine/simulation/taken_along_rule.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/engine/simulation/intent.h"

namespace espalier::simulation {

void TakenAlongRule::Before(const Event& event) {
  seen_ = 0;
  const auto* stop = std::get_if<StopRequested>(&event);
  for (std::set<ServiceId>& taken : taken_) {
    // Who is started, also because another one needs it, waits no more.
    std::erase_if(taken, [&](ServiceId id) {
      return view_.intent->IsWanted(id) || (stop != nullptr && stop->id == id);
    });
  }
  if (stop != nullptr && stop->with_group.has_value()) {
    Take(*stop->with_group);
  } else if (const auto* ends = std::get_if<StopGroupRequested>(&event)) {
    Take(ends->group);
  }
  seen_ = view_.intent->stopped().size();
}

void TakenAlongRule::See(const Action& action) {
  TakePending();
  const auto* news = std::get_if<GaveUp>(&action);
  if (news == nullptr) return;
  if (news->group == kRootGroup || view_.engine.Spec(news->group).awaited) {
    pending_ = news->group;
  }
}

void TakenAlongRule::TakePending() {
  if (pending_.has_value()) Take(*std::exchange(pending_, std::nullopt));
}

void TakenAlongRule::Take(GroupId group) {
  const std::vector<ServiceId>& stopped = view_.intent->stopped();
  for (; seen_ < stopped.size(); ++seen_) {
    const ServiceId id = stopped[seen_];
    if (!view_.Contains(group, view_.Spec(id).group)) {
      taken_[Index(group)].insert(id);
    }
  }
}

void TakenAlongRule::After() {
  TakePending();
  for (size_t i = 0; i < taken_.size(); ++i) {
    const GroupId group{static_cast<uint32_t>(i)};
    const std::vector<ServiceId>& told = view_.engine.TakenAlong(group);
    if (std::vector<ServiceId>(taken_[i].begin(), taken_[i].end()) == told) {
      continue;
    }
    Fail(absl::StrCat("group ", i, " does not know who was stopped with it"));
  }
}

}  // namespace espalier::simulation
