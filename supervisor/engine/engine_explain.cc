// Why a service is in its state, for a person.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "supervisor/engine/engine.h"

namespace espalier {
namespace {

// A chain of causes is told up to this length, and so many of the things that
// are waited for are named.
constexpr int kLongestChain = 8;
constexpr size_t kMostNamed = 3;

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(std::max(
                                       duration, absl::ZeroDuration())));
}

// ", at most 3.0 s more", or nothing if there is no deadline.
std::string AtMost(absl::Time deadline, absl::Time now) {
  if (deadline == absl::InfiniteFuture()) return "";
  return absl::StrCat(", at most ", Seconds(deadline - now), " more");
}

// What a service that runs does in its state, how long it has done so, and for
// how long it will at most.
std::string StateStory(const ServiceRecord& service, absl::Time deadline,
                       absl::Time now) {
  const std::string passed = Seconds(now - service.since);
  const std::string cause(CauseName(service.cause));
  const std::string to_start = AtMost(service.start_deadline, now);
  const std::string to_go = AtMost(deadline, now);
  switch (service.state) {
    case ServiceState::kSpawning:
      return absl::StrCat("has been spawning for ", passed, to_start);
    case ServiceState::kStarting:
      return absl::StrCat("has been starting for ", passed, to_start);
    case ServiceState::kReady:
      return absl::StrCat("has been ready for ", passed);
    case ServiceState::kStopping:
      return absl::StrCat("has been stopping for ", passed, " (", cause, ")",
                          to_go);
    case ServiceState::kKilling:
      return absl::StrCat("is being killed (", cause, ")", to_go);
    default:
      return absl::StrCat("has ended (", cause, ") and is being cleaned up",
                          to_go);
  }
}

}  // namespace

std::string Engine::Explain(ServiceId id, absl::Time now) const {
  return absl::StrCat(At(id).spec.name, " ", Story(id, now, kLongestChain));
}

std::string Engine::Story(ServiceId id, absl::Time now, int depth) const {
  const Service& service = At(id);
  switch (service.state) {
    case ServiceState::kInactive:
      if (service.since == absl::InfinitePast()) return "was never started";
      return absl::StrCat("is stopped: ",
                          std::string(CauseName(service.stop_cause)));
    case ServiceState::kWaiting:
    case ServiceState::kBlocked:
      return WaitingStory(id, now, depth);
    case ServiceState::kBackoff:
      return BackoffStory(service, now);
    case ServiceState::kStuck:
      return "could not be killed; it is not started again before it is gone";
    case ServiceState::kDone:
      return "is done";
    case ServiceState::kFailed:
      return absl::StrCat("has failed for good: ", service.error.message());
    default:
      return RunningStory(id, now);
  }
}

std::string Engine::WaitingStory(ServiceId id, absl::Time now,
                                 int depth) const {
  const Service& service = At(id);
  const bool blocked = service.state == ServiceState::kBlocked;
  std::vector<std::string> stories;
  size_t left_out = 0;
  for (const ServiceId need : WaitsFor(id)) {
    if (stories.size() == kMostNamed || depth == 0) {
      ++left_out;
      continue;
    }
    // Only the first one's chain is followed, or there would be no end.
    stories.push_back(
        absl::StrCat(At(need).spec.name, ", which ",
                     Story(need, now, stories.empty() ? depth - 1 : 0)));
  }
  if (left_out > 0)
    stories.push_back(
        absl::StrCat(left_out, left_out == 1 ? " other" : " others"));
  if (!stories.empty()) {
    return absl::StrCat(blocked ? "is blocked by " : "waits for ",
                        absl::StrJoin(stories, "; and for "));
  }
  if (!service.batches.empty()) {
    return "waits until the services that restart with it have stopped";
  }
  return absl::StrCat(
      "waits for its turn: ", starting_, " of at most ", MaxStarting(),
      " are starting",
      pressed_ ? ", because the machine is short of something" : "");
}

std::string Engine::BackoffStory(const Service& service, absl::Time now) const {
  const std::string next =
      absl::StrCat("next run in ", Seconds(service.run_at - now));
  const std::string& trouble = service.trouble;
  if (service.cause == Cause::kSpawnFailed) {
    return absl::StrCat("could not be spawned for now: ", trouble, ", ", next);
  }
  if (trouble.empty()) return absl::StrCat("restarts, ", next);
  return absl::StrCat(
      "failed ", service.window.Count(service.spec.restart, now), " of ",
      service.spec.restart.max_runs, " times: ", trouble, ", ", next);
}

std::string Engine::RunningStory(ServiceId id, absl::Time now) const {
  const Service& service = At(id);
  std::string story = StateStory(service, Deadline(id), now);
  if (service.state == ServiceState::kStarting && !service.trouble.empty()) {
    absl::StrAppend(&story, ": ", service.trouble);
  }
  if (service.state == ServiceState::kReady && service.failed_probes > 0) {
    absl::StrAppend(&story, "; ", service.failed_probes, " of ",
                    service.spec.liveness_failures,
                    " probes in a row failed: ", service.complaint);
  }
  if (service.spared) {
    absl::StrAppend(&story,
                    "; it is given time because the machine is short of "
                    "something");
  }
  if (service.stop_asked) {
    absl::StrAppend(
        &story, "; it stops (", std::string(CauseName(service.stop_cause)),
        ") after those that need it: ", service.ending_dependents, " left");
  }
  return story;
}

std::vector<ServiceId> Engine::WaitsFor(ServiceId id) const {
  const Service& service = At(id);
  std::vector<ServiceId> missing;
  if (service.state != ServiceState::kWaiting &&
      service.state != ServiceState::kBlocked) {
    return missing;
  }
  const auto look = [&](const std::vector<ServiceId>& needs) {
    for (const ServiceId need : needs) {
      if (Satisfies(At(need).state) && !At(need).stop_asked) continue;
      missing.push_back(need);
    }
  };
  look(service.spec.needs);
  if (service.fresh) look(service.spec.start_needs);
  return missing;
}

std::string Engine::Next(ServiceId id, absl::Time now) const {
  const Service& service = At(id);
  switch (service.state) {
    case ServiceState::kInactive:
    case ServiceState::kDone:
    case ServiceState::kFailed:
      return "stays so until it is started";
    case ServiceState::kWaiting:
    case ServiceState::kBlocked:
      return NextWhenWaiting(id);
    case ServiceState::kBackoff:
      if (service.start_deadline < service.run_at) {
        return absl::StrCat("fails in ", Seconds(service.start_deadline - now),
                            ", because its start takes too long");
      }
      return absl::StrCat("runs again in ", Seconds(service.run_at - now));
    default:
      return NextWhenRunning(id, now);
  }
}

std::string Engine::NextWhenWaiting(ServiceId id) const {
  const std::vector<ServiceId> missing = WaitsFor(id);
  if (missing.empty()) {
    return At(id).batches.empty()
               ? "starts when it is its turn"
               : "starts when those that restart with it have stopped";
  }
  std::vector<std::string> names;
  for (const ServiceId need : missing) {
    if (names.size() == kMostNamed) break;
    names.push_back(At(need).spec.name);
  }
  if (const size_t more = missing.size() - names.size(); more > 0) {
    names.push_back(absl::StrCat(more, more == 1 ? " other" : " others"));
  }
  const bool blocked = At(id).state == ServiceState::kBlocked;
  return absl::StrCat(
      "starts as soon as ", absl::StrJoin(names, " and "),
      missing.size() == 1 ? " is ready" : " are ready",
      blocked ? "; what has failed for good has to be started first" : "");
}

std::string Engine::NextWhenRunning(ServiceId id, absl::Time now) const {
  const Service& service = At(id);
  const absl::Time deadline = Deadline(id);
  const std::string in = deadline == absl::InfiniteFuture()
                             ? ""
                             : absl::StrCat(" in ", Seconds(deadline - now));
  const std::string then = service.after == After::kInactive  ? "is stopped"
                           : service.after == After::kRestart ? "runs again"
                           : service.after == After::kFail
                               ? "has failed for good"
                               : "its restart rule decides";
  const bool stuck = service.state == ServiceState::kStuck;
  if (service.state >= ServiceState::kStopping) {
    const std::string or_else =
        stuck ? "is not started again before it is gone"
        : service.state == ServiceState::kStopping
            ? absl::StrCat("ends, or is killed", in)
            : absl::StrCat("is gone, or counts as stuck", in);
    return absl::StrCat(or_else, "; then ", then);
  }
  if (service.stop_asked) {
    return absl::StrCat("stops when those that need it have stopped; then ",
                        then);
  }
  if (service.state != ServiceState::kReady) {
    return absl::StrCat(
        service.spec.one_shot ? "completes" : "becomes ready",
        in.empty() ? "" : absl::StrCat(", or its start has failed", in));
  }
  if (service.spared) {
    return absl::StrCat("gets another chance, or is stopped,", in);
  }
  if (service.failed_probes == 0) return "stays so";
  return absl::StrCat("is stopped and started again if ",
                      service.spec.liveness_failures - service.failed_probes,
                      " more probes in a row fail");
}

}  // namespace espalier
