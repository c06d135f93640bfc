#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_STRANGER_WATCH_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_STRANGER_WATCH_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Waits until nobody else listens on the port of a service any more: the kernel
// tells nobody, so it is looked up after 1 ms, which doubles up to 100 ms.
// Whoever started the service has the start timeout, and destroys this. The
// loop's thread only.
class StrangerWatch {
 public:
  struct Hooks {
    // OK if there is no stranger; otherwise names him.
    std::function<absl::Status()> check;
    // Called once, never by the constructor; may destroy this.
    std::function<void()> gone;
    // Who listens, at once and whenever that changes; must not destroy this.
    std::function<void(std::string)> complained;
  };

  // `found` is what a check has said just now, and not OK. `loop` must outlive
  // this.
  StrangerWatch(Loop& loop, const absl::Status& found, Hooks hooks);
  StrangerWatch(const StrangerWatch&) = delete;
  StrangerWatch& operator=(const StrangerWatch&) = delete;

 private:
  void Look();
  void LookAgain(const absl::Status& found);

  Loop& loop_;
  const Hooks hooks_;
  absl::Duration delay_ = absl::Milliseconds(1);
  std::string complaint_;
  Loop::Watch timer_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_STRANGER_WATCH_H_
