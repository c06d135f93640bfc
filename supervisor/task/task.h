#ifndef ESPALIER_SUPERVISOR_TASK_TASK_H_
#define ESPALIER_SUPERVISOR_TASK_TASK_H_

#include <concepts>
#include <coroutine>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/task/promise.h"
#include "supervisor/task/services_in.h"

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
#error \
    "g++ before 13 miscompiles braced arguments inside co_await (the argument is destroyed twice). Use clang 19, or g++ 13 or later."
#endif

namespace espalier {

// The result of a coroutine that may wait, for a service to be ready say, and
// may fail.
//
//   Task<Gateway> StartGateway(Nursery& nursery, Links<Http2Url> links);
//   ...
//   Gateway gateway = co_await StartGateway(nursery, links);
//
// * A task is lazy: it runs when it is awaited, and must be awaited by value
// (once).
// * `co_await` of a task that fails ends the awaiting task with the same error:
// the code behind it never runs.
//   `co_await Try(task)` gives the absl::StatusOr<T> instead. An absl::Status
//   or absl::StatusOr<U> is awaited the same way, and `co_return` takes an
//   absl::Status in place of the value to fail (`co_await status` in a
//   Task<void>).
// * A task that fails first stops what it started, in reverse order, and only
// then delivers its error.
// * Cancelling asks the operation which is being awaited; the task ends when
// that has drained, with kCancelled.
// * Tasks run on the loop's thread. Nothing here may be touched by another.
//
// A frame is destroyed only when nothing in it is outstanding; destroying a
// task in mid-flight is a bug and aborts. Written down once in promise.h: how a
// task ends.
template <typename T>
class
#if defined(__clang__)
    [[clang::coro_return_type, clang::coro_lifetimebound]]
#endif
    [[nodiscard("a task does nothing until it is awaited: co_await it")]] Task {
 public:
  using value_type = T;
  class promise_type;

  Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Task() {
    if (frame_) {
      frame_.promise().CheckIdle();
      frame_.destroy();
    }
  }

  // For combinators and for what runs the outermost task.
  promise_type& promise() { return frame_.promise(); }

 private:
  explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}

  std::coroutine_handle<promise_type> frame_;
};

// Gives what `co_await` of it says: the value or the error.
template <typename T>
struct [[nodiscard("write co_await Try(...)")]] TryTask {
  Task<T> task;
};

// `co_await Try(task)` is an absl::StatusOr<T> (an absl::Status for a
// Task<void>) and never ends the awaiting task. What the failed task had
// started is gone by then.
template <typename T>
#if defined(__clang__)
[[clang::coro_wrapper]]
#endif
TryTask<T> Try(Task<T> task) {
  return TryTask<T>{std::move(task)};
}

namespace internal {

// Waits for another task; the base of what `co_await` does with one.
template <typename T, bool kCatches>
class TaskAwaiter final : public Continuation, public Cancellable {
 public:
  explicit TaskAwaiter(Task<T> task) : task_(std::move(task)) {}

  bool await_ready() const { return false; }

  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) {
    parent_ = &parent.promise();
    parent_->BeginAwait(this);
    return task_.promise().Start(this, parent_->cancelled());
  }

  auto await_resume() {
    if constexpr (kCatches && std::is_void_v<T>) {
      return task_.promise().status();
    } else if constexpr (kCatches) {
      return task_.promise().TakeResult();
    } else if constexpr (!std::is_void_v<T>) {
      return *task_.promise().TakeResult();
    }
  }

  std::coroutine_handle<> Ended(PromiseBase& child) override {
    parent_->EndAwait();
    parent_->AdoptStarted(child);
    if (kCatches || child.status().ok()) return parent_->frame();
    return parent_->Fail(child.status());
  }

  void Cancel() override { task_.promise().Cancel(); }

 private:
  Task<T> task_;
  PromiseBase* parent_ = nullptr;
};

// `co_await` of a status: goes on if it is OK, ends the task otherwise.
class StatusAwaiter {
 public:
  explicit StatusAwaiter(absl::Status status) : status_(std::move(status)) {}
  bool await_ready() const { return status_.ok(); }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) {
    return frame.promise().Fail(std::move(status_));
  }
  void await_resume() const {}

 private:
  absl::Status status_;
};

// The same with a value.
template <typename T>
class StatusOrAwaiter {
 public:
  explicit StatusOrAwaiter(absl::StatusOr<T> value)
      : value_(std::move(value)) {}
  bool await_ready() const { return value_.ok(); }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> frame) {
    return frame.promise().Fail(value_.status());
  }
  T await_resume() { return *std::move(value_); }

 private:
  absl::StatusOr<T> value_;
};

class Join;

// What may be awaited in a task.
class AwaitTransforms {
 public:
  Join& await_transform(Join& join) { return join; }
  template <typename T>
  auto await_transform(Task<T> task) {
    return TaskAwaiter<T, false>(std::move(task));
  }
  template <typename T>
  auto await_transform(TryTask<T> attempt) {
    return TaskAwaiter<T, true>(std::move(attempt.task));
  }
  template <typename T>
  auto await_transform(absl::StatusOr<T> value) {
    return StatusOrAwaiter<T>(std::move(value));
  }
  StatusAwaiter await_transform(absl::Status status) {
    return StatusAwaiter(std::move(status));
  }
  template <std::derived_from<Operation> O>
  O& await_transform(O& operation) {
    return operation;
  }
  template <std::derived_from<Operation> O>
  O&& await_transform(O&& operation) {
    return std::move(operation);
  }
};

}  // namespace internal

template <typename T>
class Task<T>::promise_type : public PromiseBase,
                              public internal::AwaitTransforms {
 public:
  // The compiler passes the coroutine's own arguments.
  template <typename... Arguments>
  explicit promise_type(const Arguments&... arguments)
      : PromiseBase(std::coroutine_handle<promise_type>::from_promise(*this)) {
    (RecordGiven(ServicesOf(arguments)), ...);
  }
  Task get_return_object() {
    return Task(std::coroutine_handle<promise_type>::from_promise(*this));
  }

  template <typename U = T>
    requires std::convertible_to<U, T>
  void return_value(U&& value) {
    SetValue(std::forward<U>(value));
  }
  template <std::same_as<absl::Status> S>
  void return_value(S error) {
    SetError(std::move(error));
  }
  template <std::same_as<absl::StatusOr<T>> S>
  void return_value(S result) {
    if (result.ok()) {
      SetValue(*std::move(result));
    } else {
      SetError(result.status());
    }
  }

  absl::StatusOr<T> TakeResult() {
    if (!status().ok()) return status();
    return *std::move(value_);
  }

 private:
  template <typename U>
  void SetValue(U&& value) {
    value_.emplace(std::forward<U>(value));
    RecordReturned(ServicesOf(*value_));
  }

  std::optional<T> value_;  // T need not have a default constructor
};

template <>
class Task<void>::promise_type : public PromiseBase,
                                 public internal::AwaitTransforms {
 public:
  template <typename... Arguments>
  explicit promise_type(const Arguments&... arguments)
      : PromiseBase(std::coroutine_handle<promise_type>::from_promise(*this)) {
    (RecordGiven(ServicesOf(arguments)), ...);
  }
  Task get_return_object() {
    return Task(std::coroutine_handle<promise_type>::from_promise(*this));
  }
  void return_void() {}
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TASK_TASK_H_
