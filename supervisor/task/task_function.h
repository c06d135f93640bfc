#ifndef ESPALIER_SUPERVISOR_TASK_TASK_FUNCTION_H_
#define ESPALIER_SUPERVISOR_TASK_TASK_FUNCTION_H_

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "supervisor/task/task.h"

#if defined(__clang__)
#define ESPALIER_CORO_WRAPPER [[clang::coro_wrapper]]
#else
#define ESPALIER_CORO_WRAPPER
#endif

namespace espalier {

template <typename Signature>
class TaskFunction;

// What std::function is to functions, for coroutines: anything that, called
// with Args, gives a Task<T>. (clang refuses std::function here, whose call
// operator returns a task without being marked as one that only passes it on.)
//
// A copy shares the callable, which lives as long as the last of them: a
// coroutine lambda's captures are used until its task has ended, so keep the
// function until then.
template <typename T, typename... Args>
class TaskFunction<Task<T>(Args...)> {
 public:
  template <typename F>
    requires(!std::same_as<std::remove_cvref_t<F>, TaskFunction>)
  TaskFunction(F&& function)
      : target_(std::make_shared<std::decay_t<F>>(std::forward<F>(function))),
        call_(&Call<std::decay_t<F>>) {}

  ESPALIER_CORO_WRAPPER Task<T> operator()(Args... args) const {
    return call_(target_.get(), std::forward<Args>(args)...);
  }

 private:
  template <typename F>
  ESPALIER_CORO_WRAPPER static Task<T> Call(void* target, Args... args) {
    return (*static_cast<F*>(target))(std::forward<Args>(args)...);
  }

  std::shared_ptr<void> target_;
  Task<T> (*call_)(void*, Args...);
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TASK_TASK_FUNCTION_H_
