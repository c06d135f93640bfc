// What comes after a run.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "supervisor/engine/engine.h"

namespace espalier {

void Engine::RunEnded(ServiceId id) {
  Service& service = At(id);
  service.pid = 0;
  switch (std::exchange(service.after, After::kJudge)) {
    case After::kJudge:
      Judge(id);
      break;
    case After::kInactive:
      Move(id, ServiceState::kInactive, Cause::kDrained);
      break;
    case After::kRestart:
      ResetStartClock(service);
      service.trouble.clear();
      Pause(id, absl::ZeroDuration(), Cause::kDrained);
      break;
    case After::kFail:
      Fail(id, service.error, Cause::kDrained);
      break;
  }
}

void Engine::Judge(ServiceId id) {
  const Service& service = At(id);
  const RestartRule& rule = service.spec.restart;
  const std::string& trouble = service.trouble;
  const bool success = !service.liveness_lost &&
                       service.last_exit.has_value() &&
                       service.last_exit->success();
  if (success && (service.spec.one_shot || rule.when != RestartWhen::kAlways)) {
    Move(id, ServiceState::kDone, Cause::kDrained);
    return;
  }
  const std::vector<int>& permanent = rule.permanent_exit_codes;
  if (!service.liveness_lost && service.last_exit.has_value() &&
      std::find(permanent.begin(), permanent.end(),
                service.last_exit->code()) != permanent.end()) {
    Fail(id,
         absl::FailedPreconditionError(
             absl::StrCat(service.spec.name, " ended with ", trouble,
                          ", which says that another try is of no use")),
         Cause::kDrained);
    return;
  }
  if (rule.when == RestartWhen::kNever) {
    Fail(id,
         absl::UnavailableError(
             absl::StrCat(service.spec.name, " failed: ", trouble)),
         Cause::kDrained);
    return;
  }
  RunFailed(id, trouble);
}

void Engine::RunFailed(ServiceId id, std::string trouble) {
  Service& service = At(id);
  const RestartRule& rule = service.spec.restart;
  if (service.window.ChargeAndCheck(rule, now_)) {
    Fail(id,
         absl::UnavailableError(
             absl::StrCat(service.spec.name, " could not be kept running: it ",
                          LimitText(rule), ", the last time with: ", trouble)),
         Cause::kDrained);
    return;
  }
  absl::Duration pause = absl::ZeroDuration();
  if (service.ready_for > absl::ZeroDuration() &&
      service.ready_for >= rule.ready_for_reset) {
    service.failures_in_row = 0;
  } else {
    pause = PauseBeforeRun(id, ++service.failures_in_row);
  }
  if (const absl::Status status = RestartTogether(id); !status.ok()) {
    // It is the whole group that could not be kept running, which is more than
    // whoever awaits this start could answer for.
    service.awaited = false;
    Fail(id, status, Cause::kDrained);
    return;
  }
  Pause(id, pause, Cause::kDrained, std::move(trouble));
}

absl::Duration Engine::PauseBeforeRun(ServiceId id, int failures) const {
  const Service& service = At(id);
  return PauseAfter(service.spec.restart, failures,
                    MixBits(seed_, Index(id), service.generation));
}

void Engine::Pause(ServiceId id, absl::Duration pause, Cause cause,
                   std::string detail) {
  At(id).run_at = now_ + pause;
  Move(id, ServiceState::kBackoff, cause, std::move(detail));
}

void Engine::Fail(ServiceId id, absl::Status error, Cause cause) {
  Service& service = At(id);
  const bool awaited = std::exchange(service.awaited, false);
  service.error = std::move(error);
  Move(id, ServiceState::kFailed, cause, std::string(service.error.message()));
  if (awaited || IsClosed(service.spec.group)) return;
  GiveUp(service.spec.group, id, service.error);
}

}  // namespace espalier
