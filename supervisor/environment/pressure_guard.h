#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_PRESSURE_GUARD_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_PRESSURE_GUARD_H_

#include <functional>
#include <memory>

#include "absl/time/time.h"
#include "supervisor/engine/actions.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/runtime.h"

namespace espalier {

// Tells a runtime when the machine is short of something, while that matters:
// when a start takes long, and once something is asked whether it lives. Nobody
// else would be spared. The loop's thread only.
class PressureGuard {
 public:
  struct Options {
    // A start that takes longer may be slow because the machine is.
    absl::Duration slow_start = absl::Seconds(5);
    // Watches until what it returns is destroyed, and calls `changed` as
    // PressureWatch does. The kernel's, unless a test has another.
    std::function<std::shared_ptr<void>(Loop&,
                                        std::function<void(double)> changed)>
        source = nullptr;
  };

  // `loop` and `runtime` must outlive this.
  PressureGuard(Loop& loop, Runtime& runtime, Options options);

  // To be told of every move, by the runtime's observer.
  void On(const Changed& change);

 private:
  void Begin();

  Loop& loop_;
  Runtime& runtime_;
  const Options options_;
  std::shared_ptr<void> watch_;
  Loop::Watch soon_;
  bool asks_for_liveness_ = false;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_PRESSURE_GUARD_H_
