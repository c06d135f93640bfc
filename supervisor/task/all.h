#ifndef ESPALIER_SUPERVISOR_TASK_ALL_H_
#define ESPALIER_SUPERVISOR_TASK_ALL_H_

#include <coroutine>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "supervisor/task/task.h"

namespace espalier {
namespace internal {

// Runs several tasks side by side and completes when every one of them has
// ended. When one fails the others are cancelled; the first error is the
// join's, and further ones are added to its message.
class Join final : public Cancellable {
 public:
  // `tasks` have not been started and outlive the join.
  explicit Join(std::vector<PromiseBase*> tasks);
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;

  bool await_ready() const { return false; }
  template <typename Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> parent) {
    return Begin(parent.promise());
  }
  void await_resume() const {}
  void Cancel() override;

 private:
  struct Child final : Continuation {
    std::coroutine_handle<> Ended(PromiseBase& ended) override {
      return join->ChildEnded(ended);
    }
    Join* join = nullptr;
    PromiseBase* task = nullptr;
  };

  std::coroutine_handle<> Begin(PromiseBase& parent);
  std::coroutine_handle<> ChildEnded(PromiseBase& child);
  void CancelChildren();
  void RecordError(const absl::Status& error);
  std::coroutine_handle<> EndIfDone();

  std::vector<Child> children_;
  PromiseBase* parent_ = nullptr;
  size_t running_ = 0;
  // While children are being started or cancelled, one of them may end within;
  // the outer call then sees to the end.
  bool busy_ = false;
  absl::Status error_;
};

template <typename T>
using NonVoid = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <typename T>
NonVoid<T> TakeValue(Task<T>& task) {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *task.promise().TakeResult();
  }
}

}  // namespace internal

// Runs the tasks side by side and gives all their values (std::monostate for a
// Task<void>):
//
//   auto [postgres, redis] = co_await All(StartPostgres(nursery),
//   StartRedis(nursery));
//
// When one fails, the others are cancelled and awaited before the error is
// delivered, and everything that any of them started has been stopped by then.
template <typename... Ts>
Task<std::tuple<internal::NonVoid<Ts>...>> All(Task<Ts>... tasks) {
  internal::Join join({&tasks.promise()...});
  co_await join;
  co_return std::tuple<internal::NonVoid<Ts>...>(internal::TakeValue(tasks)...);
}

// The same for any number of tasks of one type.
template <typename T>
Task<std::vector<internal::NonVoid<T>>> All(std::vector<Task<T>> tasks) {
  std::vector<PromiseBase*> promises;
  for (Task<T>& task : tasks) promises.push_back(&task.promise());
  internal::Join join(std::move(promises));
  co_await join;
  std::vector<internal::NonVoid<T>> values;
  for (Task<T>& task : tasks) values.push_back(internal::TakeValue(task));
  co_return values;
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TASK_ALL_H_
