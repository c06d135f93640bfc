#ifndef ESPALIER_SUPERVISOR_LOOP_LOOP_H_
#define ESPALIER_SUPERVISOR_LOOP_LOOP_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

struct event;
struct event_base;

namespace espalier {

// The one event loop of an environment: everything in the supervisor that is
// not stated otherwise runs on the thread that calls Run() or RunUntil(). Built
// on libevent; it wakes only for an event or a timer that somebody asked for.
//
// Threads: Post() and Now() may be called from any thread, everything else on
// the loop's thread only.
class Loop {
 public:
  // Stops watching when it is destroyed; the callback never runs afterwards.
  // Destroying it inside its own callback is allowed. Must not outlive the
  // loop.
  class [[nodiscard]] Watch {
   public:
    Watch() = default;
    Watch(Watch&& other) noexcept = default;
    Watch& operator=(Watch&& other) noexcept = default;
    explicit operator bool() const { return state_ != nullptr; }

   private:
    friend class Loop;
    struct State;
    struct Deleter {
      void operator()(State* state) const;
    };
    std::unique_ptr<State, Deleter> state_;
  };

  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Calls `callback` whenever `fd` can be read (or has hung up), until the
  // watch is destroyed. `fd` stays the caller's and must stay open as long as
  // the watch lives.
  Watch OnReadable(int fd, std::function<void()> callback);

  // The same for writing. Level-triggered: keep it only while there is
  // something to write.
  Watch OnWritable(int fd, std::function<void()> callback);

  // Calls `callback` once, `delay` from now on the monotonic clock; a negative
  // delay counts as zero.
  Watch After(absl::Duration delay, std::function<void()> callback);

  // Calls `callback` whenever the process receives `signal`, until the watch is
  // destroyed.
  Watch OnSignal(int signal, std::function<void()> callback);

  // Runs `task` on the loop's thread in one of its next turns, in the order of
  // posting. Any thread. What is posted after the last Run() ended is dropped
  // with the loop, unrun.
  void Post(std::function<void()> task) ABSL_LOCKS_EXCLUDED(mutex_);

  // Handles events until Quit() is called.
  void Run();

  // Makes Run() return at the end of the callback that is running.
  void Quit();

  // Handles events until `done()` holds, which is checked before the first
  // event and after each turn.
  void RunUntil(const std::function<bool()>& done);

  // Time since some fixed moment, never going back (CLOCK_MONOTONIC).
  static absl::Duration Now();

  // For libraries which have an adapter for libevent. Owned by the loop.
  event_base* base() { return base_; }

 private:
  Watch Add(int fd, short what, std::function<void()> callback,
            const absl::Duration* delay);
  void RunPosted() ABSL_LOCKS_EXCLUDED(mutex_);

  event_base* const base_;
  int wake_fd_;
  Watch wake_;
  absl::Mutex mutex_;
  std::vector<std::function<void()>> posted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOOP_LOOP_H_
