#include "supervisor/nursery/environment_run.h"

#include <utility>

#include "supervisor/nursery/all_errors.h"

namespace espalier {

EnvironmentRun::EnvironmentRun(Runtime& runtime, Body body, Callbacks callbacks)
    : runtime_(runtime),
      body_(std::move(body)),
      callbacks_(std::move(callbacks)),
      nursery_(runtime) {
  runtime_.SetStoppedHandler([this](absl::Status status) {
    stopped_ = std::move(status);
    EndIfDone();
  });
}

void EnvironmentRun::Start() {
  task_.emplace(body_(nursery_));
  task_->promise().Start(this, /*cancelled=*/false).resume();
}

void EnvironmentRun::Stop() {
  stop_asked_ = true;
  if (task_) task_->promise().Cancel();
  runtime_.StopEverything();
}

void EnvironmentRun::Kill() {
  stop_asked_ = true;
  if (task_) task_->promise().Cancel();
  runtime_.KillEverything();
}

std::coroutine_handle<> EnvironmentRun::Ended(PromiseBase& task) {
  task_ended_ = true;
  if (task.status().ok()) {
    ready_ = true;
    // After a stop that came at the last moment nobody is told that everything
    // is ready.
    if (!stop_asked_ && !stopped_) callbacks_.ready();
  } else {
    task_error_ = task.status();
    // What it started has been stopped; this is what ends the environment for
    // good.
    if (!stopped_) runtime_.StopEverything();
  }
  EndIfDone();
  return std::noop_coroutine();
}

void EnvironmentRun::EndIfDone() {
  if (!stopped_ || !task_ended_) return;
  // Why the nursery gave up says more than that the function was cancelled by
  // it.
  absl::Status status = WithAnother(*stopped_, task_error_);
  if (stop_asked_ && absl::IsCancelled(status)) status = absl::OkStatus();
  callbacks_.ended(std::move(status));
}

}  // namespace espalier
