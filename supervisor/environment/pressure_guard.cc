#include "supervisor/environment/pressure_guard.h"

#include <utility>

#include "supervisor/environment/pressure_watch.h"

namespace espalier {
namespace {

std::shared_ptr<void> WatchKernel(Loop& loop,
                                  std::function<void(double)> changed) {
  return std::make_shared<PressureWatch>(loop, PressureWatch::Options(),
                                         std::move(changed));
}

}  // namespace

PressureGuard::PressureGuard(Loop& loop, Runtime& runtime, Options options)
    : loop_(loop), runtime_(runtime), options_(std::move(options)) {}

void PressureGuard::On(const Changed& change) {
  const ServiceDefinition& service = runtime_.services()[Index(change.id)];
  asks_for_liveness_ |=
      change.to == ServiceState::kReady && service.command.liveness.has_value();
  if (asks_for_liveness_ || runtime_.engine().starting_count() > 0) {
    if (watch_ != nullptr || soon_) return;
    soon_ = loop_.After(options_.slow_start, [this] { Begin(); });
    return;
  }
  soon_ = Loop::Watch();
  if (watch_ == nullptr) return;
  watch_.reset();
  runtime_.Handle(PressureChanged{0});
}

void PressureGuard::Begin() {
  soon_ = Loop::Watch();
  const auto changed = [this](double stalled) {
    // Later, since this may end the watch.
    loop_.Post([this, stalled] {
      if (watch_ != nullptr) runtime_.Handle(PressureChanged{stalled});
    });
  };
  watch_ = options_.source ? options_.source(loop_, changed)
                           : WatchKernel(loop_, changed);
}

}  // namespace espalier
