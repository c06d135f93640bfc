// The groups of a runtime: how they are run again, and what waits for them.
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "supervisor/nursery/all_errors.h"
#include "supervisor/nursery/runtime.h"

namespace espalier {
namespace {

GroupId GroupOf(int number) {
  return GroupId{static_cast<uint32_t>(-1 - number)};
}

}  // namespace

GroupRun* Runtime::RunOf(GroupId id) const {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : found->second.get();
}

absl::StatusOr<Runtime::DeclaredGroup> Runtime::AddGroup(
    const GroupSpec& spec, const std::string& path) {
  GroupRun* around = RunOf(spec.parent);
  const auto known = groups_.find(path);
  const bool is_known = known != groups_.end();
  if (is_known && (around == nullptr || !around->Declare(known->second))) {
    return absl::AlreadyExistsError(
        absl::StrCat("two groups are named '", path, "'"));
  }
  absl::StatusOr<GroupId> id =
      is_known ? known->second : engine_.AddGroup(spec);
  if (!id.ok()) return id.status();
  const GroupSpec& kept = engine_.Spec(*id);
  if (kept.strategy != spec.strategy || kept.restart != spec.restart) {
    return absl::InvalidArgumentError(
        absl::StrCat("the group '", path,
                     "' is declared again with another strategy or limit"));
  }
  if (!is_known) {
    groups_[path] = *id;
    if (around != nullptr) around->Declare(*id);
  }
  std::unique_ptr<GroupRun>& run = runs_[*id];
  run = NewRun(*id, spec.restart, path);
  return DeclaredGroup{*id, *run};
}

std::unique_ptr<GroupRun> Runtime::NewRun(GroupId id, const RestartRule& rule,
                                          const std::string& path) {
  return std::make_unique<GroupRun>(
      loop_,
      GroupRun::Options{
          .path = path, .restart = rule, .seed = options_.seed + Index(id)},
      GroupRun::Hooks{
          .later = [this](std::function<void()> it) { Later(std::move(it)); },
          .stop =
              [this, id](std::function<void()> done) {
                StopGroup(id, std::move(done));
              },
          .up = [this, id] { StartTakenAlong(id); },
          .failed =
              [this, id](std::optional<ServiceId> culprit,
                         const absl::Status& error) {
                FailGroup(id, culprit, error);
              },
          .moved =
              [this](const GroupRun::Move& move) {
                Observe();
                if (group_observer_) group_observer_(move);
              }});
}

std::vector<ServiceId> Runtime::ServicesOf(int number) const {
  if (number >= 0) return {ServiceId{static_cast<uint32_t>(number)}};
  std::vector<ServiceId> inside;
  for (const ServiceDefinition& service : services_) {
    if (engine_.IsInside(engine_.Spec(service.id).group, GroupOf(number)))
      inside.push_back(service.id);
  }
  return inside;
}

std::string Runtime::PathOf(int number) const {
  if (number >= 0) return services_[number].path;
  for (const auto& [path, id] : groups_) {
    if (id == GroupOf(number)) return path;
  }
  return "";
}

// Whether no body in the group, its own aside, is run or will be.
bool Runtime::HasEndedInside(GroupId id) const {
  return absl::c_all_of(runs_, [&](const auto& run) {
    return run.first == id || run.second->ended() ||
           !engine_.IsInside(run.first, id);
  });
}

void Runtime::CloseInside(GroupId id) {
  for (const auto& [group, run] : runs_) {
    if (group != id && engine_.IsInside(group, id)) run->Close();
  }
}

void Runtime::StopGroup(GroupId id, std::function<void()> done) {
  CloseInside(id);
  Handle(StopGroupRequested{id});
  WhenGroupGone(id, [this, id] { return HasEndedInside(id); }, std::move(done));
}

// `ended` says whether all that starts services in the group by itself has
// ended. Who starts one all the same does it in vain: it is stopped again.
void Runtime::WhenGroupGone(GroupId id, std::function<bool()> ended,
                            std::function<void()> done) {
  const auto gone = [this, id, ended] {
    return engine_.IsGroupAtRest(id) && ended();
  };
  const auto overtaken = [this, id] {
    return !engine_.IsGroupAtRest(id) && !engine_.IsClosed(id);
  };
  WhenTrue([gone, overtaken] { return gone() || overtaken(); },
           [this, id, gone, ended, done = std::move(done)] {
             if (gone()) return done();
             Handle(StopGroupRequested{id});
             WhenGroupGone(id, ended, done);
           });
}

void Runtime::FailGroup(GroupId id, std::optional<ServiceId> culprit,
                        const absl::Status& error) {
  Handle(GroupFailed{id, culprit.value_or(ServiceId{}), error});
  // The one around it may have given up before, and hears of no other then.
  Later([this, id, error] {
    const GroupId around = engine_.Spec(id).parent;
    if (GroupRun* run = RunOf(around)) {
      if (!run->settled()) run->AlsoFailed(error);
    } else if (!gave_up_.ok()) {
      gave_up_ = WithAnother(gave_up_, error);
    }
  });
}

void Runtime::On(const GaveUp& news) {
  // What a group passes on has it already.
  const absl::Status error =
      news.passed_on ? news.error : WithEvidence(news.culprit, news.error);
  CloseInside(news.group);
  if (GroupRun* run = RunOf(news.group)) {
    run->GaveUp(news.culprit, error);
  } else if (news.group == kRootGroup && gave_up_.ok()) {
    gave_up_ = error;
  }
}

void Runtime::On(const GroupStopped& news) {
  if (news.group != kRootGroup) return;
  CloseInside(kRootGroup);
  WhenTrue([this] { return HasEndedInside(kRootGroup); },
           [this, status = news.status] {
             if (!stopped_handler_) return;
             stopped_handler_(gave_up_.ok() ? status : gave_up_);
           });
}

const GroupRun* Runtime::UnsettledAround(GroupId id) const {
  while (id != kRootGroup) {
    const GroupRun* run = RunOf(id);
    if (run != nullptr && !run->settled()) return run;
    id = engine_.Spec(id).parent;
  }
  return nullptr;
}

const GroupRun* Runtime::MustWaitFor(ServiceId id) const {
  if (runs_.empty()) return nullptr;
  const GroupId own = engine_.Spec(id).group;
  absl::flat_hash_set<ServiceId> seen;
  std::vector<ServiceId> todo = {id};
  while (!todo.empty()) {
    const ServiceSpec& spec = engine_.Spec(todo.back());
    todo.pop_back();
    for (const auto* needs : {&spec.needs, &spec.start_needs}) {
      for (const ServiceId need : *needs) {
        if (!seen.insert(need).second) continue;
        const bool is_up =
            Satisfies(engine_.State(need)) && !engine_.IsStopPending(need);
        if (is_up) continue;
        for (GroupId group = engine_.Spec(need).group;
             !engine_.IsInside(own, group);
             group = engine_.Spec(group).parent) {
          const GroupRun* run = RunOf(group);
          if (run != nullptr && !run->settled()) return run;
        }
        todo.push_back(need);
      }
    }
  }
  return nullptr;
}

void Runtime::WhenMayStart(ServiceId id, std::function<bool()> cancelled,
                           std::function<void()> done) {
  const auto may_start = [this, id, cancelled = std::move(cancelled)] {
    return cancelled() || MustWaitFor(id) == nullptr;
  };
  if (may_start()) return done();
  waiting_for_groups_.insert(id);
  WhenTrue(may_start, [this, id, done = std::move(done)] {
    waiting_for_groups_.erase(id);
    done();
  });
}

bool Runtime::IsTakenAlong(ServiceId id, GroupId group) const {
  return absl::c_linear_search(engine_.TakenAlong(group), id);
}

void Runtime::StartTakenAlong(GroupId group) {
  for (const ServiceId id : engine_.TakenAlong(group)) {
    WhenTrue(
        [this, id, group] {
          return !IsTakenAlong(id, group) || MustWaitFor(id) == nullptr;
        },
        [this, id, group] {
          if (IsTakenAlong(id, group)) Handle(StartRequested{id});
        });
  }
}

const GroupRun* Runtime::TakesAlong(ServiceId id) const {
  for (const auto& [group, run] : runs_) {
    if (IsTakenAlong(id, group)) return run.get();
  }
  return nullptr;
}

std::optional<Runtime::Outlook> Runtime::GroupOutlook(ServiceId id) const {
  if (!IsAtRest(engine_.State(id))) return std::nullopt;
  const absl::Duration now = Loop::Now();
  if (const GroupRun* own = UnsettledAround(engine_.Spec(id).group)) {
    return Outlook{
        absl::StrCat("its group ", own->path(), " ", own->Story(now)),
        own->NextRun()};
  }
  const GroupRun* run =
      waiting_for_groups_.contains(id) ? MustWaitFor(id) : TakesAlong(id);
  if (run == nullptr) return std::nullopt;
  std::string story =
      absl::StrCat("it starts when the group ", run->path(), " is up");
  if (!run->settled()) absl::StrAppend(&story, ", which ", run->Story(now));
  return Outlook{std::move(story), run->NextRun()};
}

void Runtime::EndStarted(int number) {
  for (const ServiceId id : ServicesOf(number)) ended_.insert(id);
  if (number >= 0) {
    events_.push_back(StopByItsNursery(ServicesOf(number)[0]));
    return;
  }
  if (GroupRun* run = RunOf(GroupOf(number))) run->Close();
  CloseInside(GroupOf(number));
  events_.push_back(StopGroupRequested{GroupOf(number)});
}

void Runtime::WhenGone(int number, std::function<void(absl::Status)> done) {
  auto gone = [this, number, done = std::move(done)] {
    absl::Status status;
    for (const ServiceId id : ServicesOf(number)) {
      if (engine_.State(id) == ServiceState::kStuck)
        status.Update(engine_.Error(id));
    }
    done(status);
  };
  if (number >= 0) return WhenAtRest(ServicesOf(number)[0], std::move(gone));
  const GroupId group = GroupOf(number);
  WhenGroupGone(
      group,
      [this, group] { return RunOf(group)->ended() && HasEndedInside(group); },
      std::move(gone));
}

}  // namespace espalier
