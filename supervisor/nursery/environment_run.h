#ifndef ESPALIER_SUPERVISOR_NURSERY_ENVIRONMENT_RUN_H_
#define ESPALIER_SUPERVISOR_NURSERY_ENVIRONMENT_RUN_H_

#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/nursery/runtime.h"
#include "supervisor/task/task.h"
#include "supervisor/task/task_function.h"

namespace espalier {

// One run of an environment's function in a runtime, from its first service to
// the last one's end. The loop's thread only.
class EnvironmentRun final : private Continuation {
 public:
  using Body = TaskFunction<Task<void>(Nursery&)>;
  struct Callbacks {
    // The function has returned: everything is ready. At most once.
    std::function<void()> ready;
    // Nothing runs any more: OK after a stop that was asked for, else why the
    // environment ended. Exactly once, last.
    std::function<void(absl::Status)> ended;
  };

  // `runtime` must outlive the run; nothing may have been started in it.
  EnvironmentRun(Runtime& runtime, Body body, Callbacks callbacks);

  // Calls the function. From the loop's thread, while the loop runs or before.
  void Start();
  // Stops everything in reverse order, whatever is under way.
  void Stop();
  // Kills everything, without order.
  void Kill();

  bool ready() const { return ready_; }

 private:
  std::coroutine_handle<> Ended(PromiseBase& task) override;
  void EndIfDone();

  Runtime& runtime_;
  const Body body_;
  const Callbacks callbacks_;
  Nursery nursery_;
  std::optional<Task<void>> task_;
  bool task_ended_ = false;
  bool ready_ = false;
  bool stop_asked_ = false;
  absl::Status task_error_;
  std::optional<absl::Status> stopped_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_ENVIRONMENT_RUN_H_
