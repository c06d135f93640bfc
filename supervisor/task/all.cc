#include "supervisor/task/all.h"

#include "absl/strings/str_cat.h"

namespace espalier::internal {

Join::Join(std::vector<PromiseBase*> tasks) : children_(tasks.size()) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    children_[i].join = this;
    children_[i].task = tasks[i];
  }
}

std::coroutine_handle<> Join::Begin(PromiseBase& parent) {
  parent_ = &parent;
  parent_->BeginAwait(this);
  busy_ = true;
  for (Child& child : children_) {
    if (!error_.ok()) break;
    ++running_;
    child.task->Start(&child, parent_->cancelled()).resume();
  }
  busy_ = false;
  return EndIfDone();
}

void Join::Cancel() {
  if (busy_) return CancelChildren();
  CancelChildren();
  // All of them may have ended within, and nobody else sees to the rest then.
  EndIfDone().resume();
}

void Join::CancelChildren() {
  const bool was_busy = std::exchange(busy_, true);
  // The last first: what still waits for its turn must not get that of one that
  // is cancelled before it, only to be cancelled as well.
  for (auto child = children_.rbegin(); child != children_.rend(); ++child)
    child->task->Cancel();
  busy_ = was_busy;
}

std::coroutine_handle<> Join::ChildEnded(PromiseBase& child) {
  --running_;
  parent_->AdoptStarted(child);
  if (!child.status().ok()) RecordError(child.status());
  if (busy_) return std::noop_coroutine();
  if (!child.status().ok()) CancelChildren();
  return EndIfDone();
}

void Join::RecordError(const absl::Status& error) {
  if (error_.ok()) {
    error_ = error;
  } else if (!absl::IsCancelled(error)) {
    error_ = absl::Status(
        error_.code(),
        absl::StrCat(error_.message(), "\nand: ", error.message()));
  }
}

std::coroutine_handle<> Join::EndIfDone() {
  if (running_ > 0) return std::noop_coroutine();
  parent_->EndAwait();
  return error_.ok() ? parent_->frame() : parent_->Fail(error_);
}

}  // namespace espalier::internal
