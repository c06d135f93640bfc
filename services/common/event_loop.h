#ifndef ESPALIER_SERVICES_COMMON_EVENT_LOOP_H_
#define ESPALIER_SERVICES_COMMON_EVENT_LOOP_H_

#include <event2/event.h>

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace espalier {

// What is freed with libevent's own function.
struct EventDeleter {
  void operator()(event* e) const { event_free(e); }
  void operator()(event_base* base) const { event_base_free(base); }
};
using UniqueEvent = std::unique_ptr<event, EventDeleter>;

// One libevent loop, run by one thread. Unless said otherwise, everything is
// called on that thread (or before Run).
class EventLoop {
 public:
  // Calls `fn` once after its delay; destroying it first cancels the call.
  class Timer {
   public:
    Timer(EventLoop& loop, absl::Duration delay,
          absl::AnyInvocable<void() &&> fn);
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    absl::AnyInvocable<void() &&> fn_;
    UniqueEvent event_;
  };

  // Aborts the process when the kernel gives no descriptors for it.
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  event_base* base() { return base_.get(); }

  // Calls `fn` soon, in the order of the calls. From any thread. What is posted
  // and never run is destroyed with the loop.
  void Post(absl::AnyInvocable<void() &&> fn);

  // Calls `fn` each time that `fd` is readable, for the life of the loop. `fd`
  // stays the caller's.
  void OnReadable(int fd, absl::AnyInvocable<void()> fn);

  // Runs until Quit. May be called again afterwards.
  void Run();

  // Lets Run return when the callback that is running has returned. From any
  // thread.
  void Quit();

 private:
  struct Watch;

  static void OnWake(evutil_socket_t fd, short what, void* self);

  std::unique_ptr<event_base, EventDeleter> base_;
  int wake_fd_;
  UniqueEvent wake_event_;
  std::vector<std::unique_ptr<Watch>> watches_;
  absl::Mutex mutex_;
  std::vector<absl::AnyInvocable<void() &&>> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_EVENT_LOOP_H_
