// Services that are slow, and when that is forgiven.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "supervisor/engine/engine.h"

namespace espalier {

void Engine::Handle(const PressureChanged& event) {
  pressed_ = event.stalled >= (pressed_ ? kLowPressure : kHighPressure);
}

int Engine::MaxStarting() const {
  return pressed_ ? std::min(max_starting_, kMaxStartingUnderPressure)
                  : max_starting_;
}

// Says whether the service, which is slow, is spared for now. It is looked at
// again when its timer is due.
bool Engine::Spare(ServiceId id) {
  Service& service = At(id);
  if (!pressed_) {
    if (!service.spared) return false;
    // Only a start comes here; Forgive has the other case.
    service.spared = false;
    service.start_deadline = now_ + service.spec.start_timeout;
  } else if (now_ >= next_slow_stop_) {
    next_slow_stop_ = now_ + kPauseUnderPressure;
    return false;
  } else {
    service.spared = true;
    if (service.state == ServiceState::kReady) {
      timers_.Set(id, next_slow_stop_);
      return true;
    }
    service.start_deadline = next_slow_stop_;
  }
  timers_.Set(id, service.start_deadline);
  return true;
}

void Engine::SpareNoLonger(ServiceId id) {
  if (pressed_) {
    CheckLiveness(id);
  } else {
    Forgive(id);
  }
}

void Engine::Forgive(ServiceId id) {
  Service& service = At(id);
  service.failed_probes = 0;
  service.spared = false;
  timers_.Clear(id);
}

void Engine::CheckLiveness(ServiceId id) {
  Service& service = At(id);
  if (service.failed_probes < service.spec.liveness_failures) return;
  if (Spare(id)) return;
  service.liveness_lost = true;
  service.trouble =
      absl::StrCat("it did not answer any more",
                   service.complaint.empty() ? "" : ": ", service.complaint);
  BeginStop(id, Cause::kLivenessLost, service.complaint);
}

}  // namespace espalier
