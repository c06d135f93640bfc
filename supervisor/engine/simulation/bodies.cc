#include "supervisor/engine/simulation/bodies.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"

namespace espalier::simulation {
namespace {

constexpr absl::Duration kLongestPause = absl::Seconds(2);

}  // namespace

Bodies::Bodies(View& view, Tell tell, Replace replace)
    : view_(view),
      tell_(std::move(tell)),
      replace_(std::move(replace)),
      random_(view.scenario.seed * 2 + 3),
      bodies_(view.scenario.groups.size() + 1) {
  for (size_t i = 1; i < bodies_.size(); ++i) {
    bodies_[i].group = GroupId{static_cast<uint32_t>(i)};
    bodies_[i].runs_left = RunsOf(bodies_[i].group);
    bodies_[i].awaited = random_.OneIn(2);
    if (HasBody(bodies_[i].group)) bodies_[i].state = State::kUp;
  }
}

int Bodies::RunsOf(GroupId group) const {
  const std::vector<int>& runs = view_.scenario.body_runs;
  if (group == kRootGroup || Index(group) > runs.size()) return 0;
  return runs[Index(group) - 1];
}

bool Bodies::HasEndedInside(GroupId group) const {
  return std::all_of(bodies_.begin(), bodies_.end(), [&](const Body& body) {
    return body.group == group || body.state == State::kEnded ||
           !view_.Contains(group, body.group);
  });
}

// Whether something that the service needs is in a group, not one of its own,
// that is being run again.
bool Bodies::MustWait(ServiceId id) const {
  const GroupId own = view_.Spec(id).group;
  absl::flat_hash_set<ServiceId> seen;
  std::vector<ServiceId> todo = {id};
  while (!todo.empty()) {
    const ServiceSpec& spec = view_.Spec(todo.back());
    todo.pop_back();
    for (const auto* needs : {&spec.needs, &spec.start_needs}) {
      for (const ServiceId need : *needs) {
        if (!seen.insert(need).second) continue;
        if (Satisfies(view_.engine.State(need)) &&
            !view_.engine.IsStopPending(need)) {
          continue;
        }
        for (GroupId group = view_.Spec(need).group;
             !view_.Contains(group, own);
             group = view_.engine.Spec(group).parent) {
          if (!IsSettled(bodies_[Index(group)])) return true;
        }
        todo.push_back(need);
      }
    }
  }
  return false;
}

bool Bodies::IsTakenAlong(ServiceId id, GroupId group) const {
  const std::vector<ServiceId>& all = view_.engine.TakenAlong(group);
  return std::find(all.begin(), all.end(), id) != all.end();
}

// --- What happens to it

void Bodies::See(const GaveUp& news) {
  CloseInside(news.group);
  Body& body = *Of(news.group);
  if (body.state == State::kEnded || body.gave_up) return;
  body.gave_up = true;
  body.culprit = news.culprit;
  if (body.state == State::kRunning) body.fails = true;
  if (body.state == State::kUp) body.state = State::kFailing;
}

void Bodies::Close(GroupId group) {
  Body& body = *Of(group);
  if (body.state == State::kEnded) return;
  body.closing = true;
  body.fails = true;
  if (body.state == State::kUp || body.state == State::kPausing) {
    body.state = State::kEnded;
  }
}

void Bodies::CloseInside(GroupId group) {
  for (const Body& body : bodies_) {
    if (body.group != group && view_.Contains(group, body.group)) {
      Close(body.group);
    }
  }
}

absl::Time Bodies::Next() const {
  absl::Time next = absl::InfiniteFuture();
  for (const Body& body : bodies_) {
    if (body.state == State::kPausing) next = std::min(next, body.until);
  }
  return next;
}

void Bodies::Settle() {
  if (settling_) return;
  settling_ = true;
  bool more = true;
  while (more && view_.violations.empty()) {
    more = StartTakenAlong();
    for (Body& body : bodies_) {
      if (!IsSettled(body)) more |= GoOn(body);
    }
  }
  settling_ = false;
}

bool Bodies::StartTakenAlong() {
  for (size_t i = 0; i < waiting_.size(); ++i) {
    const auto [id, group] = waiting_[i];
    const bool taken = IsTakenAlong(id, group);
    if (taken && MustWait(id)) continue;
    waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(i));
    counts_.taken_along += taken;
    if (taken) tell_(StartRequested{.id = id});
    return true;
  }
  return false;
}

bool Bodies::GoOn(Body& body) {
  switch (body.state) {
    case State::kFailing:
      Decide(body);
      return true;
    case State::kPausing:
      if (view_.now < body.until) return false;
      Stop(body);
      return true;
    case State::kStopping:
      return GoOnStopping(body);
    case State::kRunning:
      return GoOnRunning(body);
    case State::kCleaning:
      return GoOnCleaning(body);
    case State::kUp:
    case State::kEnded:
      break;
  }
  return false;
}

// --- A run of the body

void Bodies::Begin(Body& body) {
  if (!HasEndedInside(body.group)) {
    view_.violations.push_back(
        "a body is run again before one inside has ended");
  }
  ++counts_.runs;
  body.state = State::kRunning;
  body.closing = body.gave_up = body.fails = false;
  body.at_once = random_.OneIn(3);
  body.steps.clear();
  absl::flat_hash_set<GroupId> groups;
  for (size_t i = 0; i < view_.size(); ++i) {
    GroupId group = view_.Spec(View::Id(i)).group;
    if (!view_.Contains(body.group, group)) continue;
    // The outermost group around it, inside this one, that has a body too.
    std::optional<GroupId> inner;
    for (; group != body.group; group = view_.engine.Spec(group).parent) {
      if (HasBody(group)) inner = group;
    }
    if (!inner.has_value()) {
      body.steps.push_back({.service = View::Id(i), .group = std::nullopt});
    } else if (groups.insert(*inner).second) {
      body.steps.push_back({.service = std::nullopt, .group = inner});
    }
  }
}

bool Bodies::GoOnRunning(Body& body) {
  for (Step& step : body.steps) {
    if (GoOn(body, step)) return true;
    if (!body.at_once && step.progress != Progress::kUp) break;
  }
  bool under_way = false;
  bool all_up = true;
  for (const Step& step : body.steps) {
    under_way |=
        step.progress == Progress::kWaits || step.progress == Progress::kStarts;
    all_up &= step.progress == Progress::kUp;
  }
  if (under_way || (!all_up && !body.fails)) return false;
  if (!all_up || body.closing) {
    CleanUp(body);
  } else if (body.gave_up) {
    Decide(body);
  } else {
    Up(body);
  }
  return true;
}

bool Bodies::GoOn(Body& body, Step& step) {
  switch (step.progress) {
    case Progress::kNotBegun:
      if (body.fails) return false;
      step.progress = Progress::kWaits;
      if (step.service.has_value() && random_.OneIn(4)) {
        replace_(*step.service, static_cast<uint32_t>(random_.Pick(1 << 30)));
      }
      return true;
    case Progress::kWaits:
      if (body.fails) {
        step.progress = Progress::kFailed;
        return true;
      }
      if (!BeginStep(step)) return false;
      step.progress = Progress::kStarts;
      return true;
    case Progress::kStarts:
      step.progress = ProgressOfStart(step);
      body.fails |= step.progress == Progress::kFailed;
      if (step.progress != Progress::kStarts) return true;
      return body.fails && Cancel(body, step);
    case Progress::kUp:
    case Progress::kFailed:
      break;
  }
  return false;
}

Bodies::Progress Bodies::ProgressOfStart(const Step& step) {
  if (step.group.has_value()) {
    const State state = Of(*step.group)->state;
    if (state == State::kUp) return Progress::kUp;
    return state == State::kEnded ? Progress::kFailed : Progress::kStarts;
  }
  const ServiceState state = view_.engine.State(*step.service);
  if (Satisfies(state) && !view_.engine.IsToStop(*step.service)) {
    return Progress::kUp;
  }
  return IsAtRest(state) ? Progress::kFailed : Progress::kStarts;
}

// Somebody may have started the service again since.
bool Bodies::Cancel(const Body& body, const Step& step) {
  if (step.group.has_value()) {
    if (Of(*step.group)->closing) return false;
    Close(*step.group);
  } else {
    if (view_.engine.IsToStop(*step.service)) return false;
    tell_(StopRequested{*step.service, body.group});
  }
  return true;
}

bool Bodies::BeginStep(const Step& step) {
  if (step.group.has_value()) {
    Body& inner = *Of(*step.group);
    inner.runs_left = RunsOf(inner.group);
    inner.awaited = true;
    Begin(inner);
    return true;
  }
  if (MustWait(*step.service)) return false;
  tell_(StartRequested{.id = *step.service, .awaited = true});
  return true;
}

void Bodies::Up(Body& body) {
  ++counts_.ups;
  body.state = State::kUp;
  body.awaited = false;
  for (const ServiceId id : view_.engine.TakenAlong(body.group)) {
    waiting_.emplace_back(id, body.group);
  }
}

// --- What comes after it

void Bodies::CleanUp(Body& body) {
  body.state = State::kCleaning;
  for (auto step = body.steps.rbegin(); step != body.steps.rend(); ++step) {
    if (step->progress != Progress::kUp) continue;
    if (step->group.has_value()) {
      Close(*step->group);
      CloseInside(*step->group);
      tell_(StopGroupRequested{*step->group});
    } else {
      tell_(StopRequested{*step->service, body.group});
    }
  }
}

bool Bodies::GoOnCleaning(Body& body) {
  for (const Step& step : body.steps) {
    if (step.progress != Progress::kUp) continue;
    if (step.group.has_value()) {
      bool told = false;
      const bool gone = IsGone(*step.group, told);
      if (told) return true;
      if (!gone || Of(*step.group)->state != State::kEnded) return false;
    } else if (!IsAtRest(view_.engine.State(*step.service))) {
      if (view_.engine.IsToStop(*step.service)) return false;
      // Somebody has started it.
      tell_(StopRequested{*step.service, body.group});
      return true;
    }
  }
  Decide(body);
  return true;
}

void Bodies::Decide(Body& body) {
  if (body.closing) {
    body.state = State::kEnded;
  } else if (body.runs_left > 0) {
    body.state = State::kPausing;
    body.until = view_.now + (random_.OneIn(2) ? random_.UpTo(kLongestPause)
                                               : absl::ZeroDuration());
  } else if (body.awaited) {
    Stop(body);
  } else {
    body.state = State::kEnded;
    tell_(GroupFailed{body.group, body.culprit,
                      absl::UnavailableError("its body failed too often")});
  }
}

void Bodies::Stop(Body& body) {
  body.state = State::kStopping;
  CloseInside(body.group);
  tell_(StopGroupRequested{body.group});
}

bool Bodies::GoOnStopping(Body& body) {
  bool told = false;
  if (!IsGone(body.group, told)) return told;
  if (body.closing || body.runs_left == 0) {
    body.state = State::kEnded;
  } else {
    --body.runs_left;
    Begin(body);
  }
  return true;
}

bool Bodies::IsGone(GroupId group, bool& told) {
  const Engine& engine = view_.engine;
  if (engine.IsGroupAtRest(group)) return HasEndedInside(group);
  told = !engine.IsClosed(group);
  if (told) tell_(StopGroupRequested{group});
  return false;
}

bool Bodies::WaitsForOthers(const Body& body) const {
  return body.state == State::kRunning &&
         std::any_of(body.steps.begin(), body.steps.end(), [&](const Step& it) {
           if (it.progress == Progress::kWaits) return MustWait(*it.service);
           if (it.progress != Progress::kStarts) return false;
           if (it.group.has_value()) return true;
           const ServiceState state = view_.engine.State(*it.service);
           return state == ServiceState::kWaiting ||
                  state == ServiceState::kBlocked;
         });
}

void Bodies::AtRest(bool all_is_up) {
  for (const Body& body : bodies_) {
    if (IsSettled(body) || (!all_is_up && WaitsForOthers(body))) continue;
    view_.violations.push_back("the run of a body does not come to an end");
  }
  for (const auto& [id, group] : waiting_) {
    if (!all_is_up && MustWait(id)) continue;
    view_.violations.push_back(view_.Spec(id).name +
                               ": was stopped with a group, and waits on");
  }
}

}  // namespace espalier::simulation
