#include "supervisor/task/promise.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "glog/logging.h"

namespace espalier {

PromiseBase::PromiseBase(std::coroutine_handle<> frame) : frame_(frame) {}

PromiseBase::~PromiseBase() = default;

std::coroutine_handle<> PromiseBase::Start(Continuation* continuation,
                                           bool cancelled) {
  CHECK(state_ == State::kNotStarted) << "a task can be awaited only once";
  state_ = State::kRunning;
  continuation_ = continuation;
  cancelled_ = cancelled;
  return frame_;
}

void PromiseBase::Cancel() {
  if (state_ != State::kRunning || cancelled_) return;
  cancelled_ = true;
  if (awaited_ != nullptr) awaited_->Cancel();
}

std::coroutine_handle<> PromiseBase::Fail(absl::Status error) {
  SetError(std::move(error));
  return Finish();
}

void PromiseBase::SetError(absl::Status error) {
  CHECK(!error.ok())
      << "a task cannot fail with an OK status; co_return the value";
  status_ = std::move(error);
}

std::coroutine_handle<> PromiseBase::Finish() {
  if (status_.ok() && !started_.empty() && !needs_.empty())
    status_ = stopper_->CheckUsed(needs_, started_);
  if (status_.ok() || started_.empty()) return End();
  state_ = State::kCleaningUp;
  stopper_->StopStarted(
      std::exchange(started_, {}), [this](absl::Status stopped) {
        if (!stopped.ok()) {
          status_ = absl::Status(
              status_.code(),
              absl::StrCat(status_.message(),
                           "\nwhile stopping what had been started: ",
                           stopped.message()));
        }
        End().resume();
      });
  return std::noop_coroutine();
}

std::coroutine_handle<> PromiseBase::End() {
  state_ = State::kEnded;
  return continuation_->Ended(*this);
}

void PromiseBase::RecordStarted(Stopper* stopper, int id) {
  stopper_ = stopper;
  started_.push_back(id);
}

void PromiseBase::RecordGiven(std::vector<std::string> services) {
  // An external one has no path, and nobody knows who uses it.
  std::erase(services, "");
  if (!services.empty()) needs_.push_back(std::move(services));
}

void PromiseBase::RecordReturned(const std::vector<std::string>& services) {
  std::erase_if(needs_, [&](const std::vector<std::string>& need) {
    return std::find_first_of(need.begin(), need.end(), services.begin(),
                              services.end()) != need.end();
  });
}

void PromiseBase::AdoptStarted(PromiseBase& child) {
  if (child.started_.empty()) return;
  stopper_ = child.stopper_;
  started_.insert(started_.end(), child.started_.begin(), child.started_.end());
  child.started_.clear();
}

void PromiseBase::CheckIdle() const {
  CHECK(state_ == State::kNotStarted || state_ == State::kEnded)
      << "a task was destroyed while something in it was still running";
}

void PromiseBase::unhandled_exception() { std::terminate(); }

std::coroutine_handle<> Operation::Suspend(PromiseBase& task) {
  if (task.cancelled()) return task.Fail(absl::CancelledError("cancelled"));
  if (absl::Status begun = Begin(task); !begun.ok())
    return task.Fail(std::move(begun));
  task_ = &task;
  task.BeginAwait(this);
  return std::noop_coroutine();
}

void Operation::Complete(absl::Status status) {
  PromiseBase* task = task_;
  task->EndAwait();
  (status.ok() ? task->frame() : task->Fail(std::move(status))).resume();
}

}  // namespace espalier
