#ifndef ESPALIER_SUPERVISOR_TASK_PROMISE_H_
#define ESPALIER_SUPERVISOR_TASK_PROMISE_H_

#include <coroutine>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "supervisor/task/frame_memory.h"

namespace espalier {

class PromiseBase;

// Something a task awaits that can be asked to end early. It still ends in its
// own time, and says so as usual.
class Cancellable {
 public:
  virtual void Cancel() = 0;

 protected:
  ~Cancellable() = default;
};

// Who is told that a task has ended, and says which coroutine runs next.
class Continuation {
 public:
  virtual std::coroutine_handle<> Ended(PromiseBase& task) = 0;

 protected:
  ~Continuation() = default;
};

// Stops what tasks have started. Implemented by the runtime; the tasks of one
// runtime all have the same.
class Stopper {
 public:
  // Stops these (numbers that the implementation gave to
  // PromiseBase::RecordStarted), the last first, and calls `done` from the loop
  // when nothing of them is left. Never calls it from within.
  virtual void StopStarted(std::vector<int> started,
                           std::function<void(absl::Status)> done) = 0;

  // Whether what was started uses at least one service of each need; otherwise
  // an error that names who is given what for nothing.
  virtual absl::Status CheckUsed(
      const std::vector<std::vector<std::string>>& needs,
      const std::vector<int>& started) const = 0;

 protected:
  ~Stopper() = default;
};

// The part of a task that does not depend on its type: how a task ends, told
// once.
//
//   running ──co_return──────────────► has ended, with a value: what it started
//   now belongs to who awaited it
//      │
//      └─error awaited or returned───► cleaning up: what it started is being
//      stopped, in reverse order
//                                           └────► has ended, with the error
//
// Invariants: at most one thing is awaited at a time; the continuation is
// called exactly once, after the last thing that the task started is gone or
// handed on; the frame of a failed task stays suspended where it is until its
// owner destroys it, so locals live until then.
class PromiseBase {
 public:
  explicit PromiseBase(std::coroutine_handle<> frame);
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;

  // Of the whole frame.
  static void* operator new(size_t bytes) {
    return internal::AllocateFrame(bytes);
  }
  static void operator delete(void* frame, size_t bytes) {
    internal::FreeFrame(frame, bytes);
  }

  // Begins to run the task (by symmetric transfer: resume what it returns).
  // `continuation` must live until it is told.
  std::coroutine_handle<> Start(Continuation* continuation, bool cancelled);

  // Asks the task to end early. No effect on one that has ended or is cleaning
  // up.
  void Cancel();
  bool cancelled() const { return cancelled_; }

  // Ends the task with `error`; returns which coroutine runs next.
  std::coroutine_handle<> Fail(absl::Status error);

  // For awaiters: what is awaited from now on, and that it has ended.
  void BeginAwait(Cancellable* awaited) { awaited_ = awaited; }
  void EndAwait() { awaited_ = nullptr; }

  // Notes that the task has started something that must be stopped if it fails.
  void RecordStarted(Stopper* stopper, int id);
  // Notes that the task was given these services as one of its arguments. If it
  // starts something, and nothing of that uses any of them, and the task's
  // value has none of them either, the need is a mistake: the task fails.
  void RecordGiven(std::vector<std::string> services);
  void RecordReturned(const std::vector<std::string>& services);
  // Takes over what a task that has ended well had started.
  void AdoptStarted(PromiseBase& child);

  const absl::Status& status() const { return status_; }
  bool ended() const { return state_ == State::kEnded; }
  std::coroutine_handle<> frame() const { return frame_; }

  // Aborts if the task is in mid-flight.
  void CheckIdle() const;

  // For the compiler.
  std::suspend_always initial_suspend() noexcept { return {}; }
  auto final_suspend() noexcept {
    struct FinalAwaiter {
      PromiseBase* promise;
      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
        return promise->Finish();
      }
      void await_resume() const noexcept {}
    };
    return FinalAwaiter{this};
  }
  void unhandled_exception();

 protected:
  ~PromiseBase();

  void SetError(absl::Status error);

 private:
  enum class State { kNotStarted, kRunning, kCleaningUp, kEnded };

  std::coroutine_handle<> Finish();
  std::coroutine_handle<> End();

  const std::coroutine_handle<> frame_;
  State state_ = State::kNotStarted;
  bool cancelled_ = false;
  absl::Status status_;
  Continuation* continuation_ = nullptr;
  Cancellable* awaited_ = nullptr;
  Stopper* stopper_ = nullptr;
  std::vector<int> started_;
  // Of each argument that stands for services.
  std::vector<std::vector<std::string>> needs_;
};

// Base of the operations that a task can await directly: something asynchronous
// that completes exactly once, from the loop, by calling Complete(). Derived
// classes add Begin(), Cancel() and await_resume().
class Operation : public Cancellable {
 public:
  bool await_ready() const { return false; }

  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> task) {
    return Suspend(task.promise());
  }

 protected:
  ~Operation() = default;

  // Starts the operation on behalf of `task`. An error ends the task at once,
  // and Complete() is never called.
  virtual absl::Status Begin(PromiseBase& task) = 0;

  // Ends the operation: resumes the task, or ends it if `status` is an error.
  // May destroy this operation.
  void Complete(absl::Status status);

 private:
  std::coroutine_handle<> Suspend(PromiseBase& task);

  PromiseBase* task_ = nullptr;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TASK_PROMISE_H_
