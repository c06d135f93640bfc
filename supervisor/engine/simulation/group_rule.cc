#include "supervisor/engine/simulation/group_rule.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace espalier::simulation {

using enum ServiceState;

bool GroupRule::IsClosed(GroupId group) const {
  return closed_ ||
         std::any_of(owed_.begin(), owed_.end(), [&](const auto& owed) {
           return view_.Contains(owed.first, group);
         });
}

bool GroupRule::IsGroupAtRest(GroupId group) const {
  for (size_t i = 0; i < view_.size(); ++i) {
    if (!IsAtRest(view_.states[i]) &&
        view_.Contains(group, view_.Spec(View::Id(i)).group)) {
      return false;
    }
  }
  return true;
}

void GroupRule::Before(const Event& event) {
  failed_.clear();
  culprits_.clear();
  next_.clear();
  if (const auto* start = std::get_if<StartRequested>(&event)) {
    if (start->awaited) awaited_[Index(start->id)] = true;
  } else if (const auto* stop = std::get_if<StopGroupRequested>(&event)) {
    if (!ended_) Owe(stop->group);
  } else if (const auto* failure = std::get_if<GroupFailed>(&event)) {
    if (failure->group == kRootGroup) return;
    const GroupId parent = view_.engine.Spec(failure->group).parent;
    if (IsClosed(parent)) return;
    culprits_.push_back(failure->culprit);
    next_[failure->culprit] = parent;
  } else if (std::holds_alternative<StopAll>(event) ||
             std::holds_alternative<KillAll>(event) ||
             std::holds_alternative<KeeperLost>(event)) {
    closed_ = true;
    if (!ended_) Owe(kRootGroup);
  }
}

void GroupRule::See(const Action& action) {
  if (const auto* change = std::get_if<Changed>(&action)) {
    See(*change);
  } else if (const auto* news = std::get_if<GaveUp>(&action)) {
    See(*news);
  } else if (const auto* news = std::get_if<GroupStopped>(&action)) {
    See(*news);
  }
}

void GroupRule::See(const Changed& change) {
  const GroupId group = view_.Spec(change.id).group;
  const bool starts = change.to == kWaiting || change.to == kSpawning;
  if (starts && change.from != kBackoff && IsClosed(group)) {
    Fail(change.id, "is started in a group that is closed");
  }
  if (change.to == kFailed) {
    culprits_.push_back(change.id);
    if (!awaited_[Index(change.id)] && !IsClosed(group)) {
      failed_.push_back(change.id);
    }
  }
  if (Satisfies(change.to) || change.to == kFailed) {
    awaited_[Index(change.id)] = false;
  }
}

void GroupRule::See(const GaveUp& news) {
  if (std::count(culprits_.begin(), culprits_.end(), news.culprit) == 0) {
    Fail("a group gave up because of one that has not failed");
  }
  if (news.error.ok()) Fail("a group gave up without an error");
  const auto next =
      next_.try_emplace(news.culprit, view_.Spec(news.culprit).group).first;
  if (next->second != news.group) Fail("a group gave up that had no cause to");
  std::erase(failed_, news.culprit);
  Owe(news.group);
  next_.erase(next);
  if (news.group == kRootGroup) closed_ = true;
  // Up to a group that is awaited, all fail together.
  const GroupSpec& spec = view_.engine.Spec(news.group);
  if (news.group == kRootGroup || spec.awaited) return;
  Owe(spec.parent);
  next_[news.culprit] = spec.parent;
}

void GroupRule::See(const GroupStopped& news) {
  if (owed_.erase(news.group) == 0) {
    Fail("the end of a group is told that nobody stopped");
  }
  if (!IsGroupAtRest(news.group)) {
    Fail("the end of a group is told while something of it runs");
  }
  if (closed_ && news.group == kRootGroup) ended_ = true;
}

void GroupRule::After() {
  if (!next_.empty()) Fail("a group gave up, and the one around it did not");
  for (const ServiceId id : failed_) {
    Fail(id, "has failed for good, and its group does not know");
  }
  for (const auto& [group, since] : owed_) {
    if (IsGroupAtRest(group)) {
      Fail(absl::StrCat("group ", Index(group),
                        " is at rest, and its end is not told"));
    } else if (view_.now - since > view_.longest_stop) {
      Fail(absl::StrCat("the stop of group ", Index(group),
                        " takes longer than it can"));
    }
  }
}

void GroupRule::AtRest() {
  if (!owed_.empty()) Fail("a group's stop does not end");
}

}  // namespace espalier::simulation
