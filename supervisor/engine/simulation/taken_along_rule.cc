#include "supervisor/engine/simulation/taken_along_rule.h"

#include "absl/strings/str_cat.h"
#include "supervisor/engine/simulation/intent.h"

namespace espalier::simulation {

void TakenAlongRule::Before(const Event& event) {
  wanted_.clear();
  const auto* stop = std::get_if<StopRequested>(&event);
  for (std::set<ServiceId>& taken : taken_) {
    // Who is started, also because another one needs it, waits no more.
    std::erase_if(taken, [&](ServiceId id) {
      return view_.intent->IsWanted(id) || (stop != nullptr && stop->id == id);
    });
  }
}

void TakenAlongRule::See(const Action& action) {
  const auto* news = std::get_if<GaveUp>(&action);
  if (news == nullptr) return;
  if (wanted_.empty()) {
    wanted_.resize(view_.size());
    for (size_t i = 0; i < view_.size(); ++i) {
      wanted_[i] = view_.intent->IsWanted(View::Id(i));
    }
  }
  if (news->group == kRootGroup || view_.engine.Spec(news->group).awaited) {
    Take(news->group);
    wanted_.clear();
  }
}

void TakenAlongRule::Take(GroupId group) {
  std::vector<bool> found(view_.size());
  std::vector<ServiceId> todo;
  for (size_t i = 0; i < view_.size(); ++i) {
    if (view_.Contains(group, view_.Spec(View::Id(i)).group)) {
      todo.push_back(View::Id(i));
    }
  }
  while (!todo.empty()) {
    const ServiceId next = todo.back();
    todo.pop_back();
    for (const ServiceId dependent : view_.dependents[Index(next)]) {
      if (found[Index(dependent)] || IsAtRest(view_.State(dependent))) continue;
      found[Index(dependent)] = true;
      todo.push_back(dependent);
      if (wanted_[Index(dependent)] &&
          !view_.Contains(group, view_.Spec(dependent).group)) {
        taken_[Index(group)].insert(dependent);
      }
    }
  }
}

void TakenAlongRule::After() {
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
