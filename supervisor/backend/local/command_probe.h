#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_COMMAND_PROBE_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_COMMAND_PROBE_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/engine/exit_result.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Asks by a program whether a service is ready: runs it until it ends with exit
// code 0. Who runs it (the keeper) is the caller's affair; here is only when.
//
//   resting ──Watch──► running ──exit 0──► ready() once, resting
//              exit 1,  │   ▲
//            time limit ▼   │ delay: 1 ms, doubled up to 100 ms
//                      waiting
//
// Never two runs at once: a run that is killed (Unwatch, time limit) must have
// drained before the next one starts, and what it says counts for nothing. The
// loop's thread only.
class CommandProbe {
 public:
  struct Hooks {
    // Begins run `run`, counted from 1. An error counts as a failed run;
    // otherwise the caller calls DidNotStart(run), or Exited(run) and then
    // Drained(run), later.
    std::function<absl::Status(uint64_t run)> spawn;
    // Ends the run with all that it started.
    std::function<void(uint64_t run)> kill;
    std::function<void()> ready;
    std::function<void(std::string)> complained;
    // What the latest run has printed last, for the complaint; may be empty.
    std::function<std::string()> last_words;
  };

  // `limit` is how long a run may take.
  CommandProbe(Loop& loop, absl::Duration limit, Hooks hooks)
      : loop_(loop), limit_(limit), hooks_(std::move(hooks)) {}
  CommandProbe(const CommandProbe&) = delete;
  CommandProbe& operator=(const CommandProbe&) = delete;

  // Begins to ask, on behalf of a new run of the service.
  void Watch();
  // Stops asking; what runs is killed.
  void Unwatch();

  void DidNotStart(uint64_t run, absl::string_view why);
  void Exited(uint64_t run, const ExitResult& result);
  void Drained(uint64_t run);

 private:
  void Run();
  void Overdue();
  void RunAgainLater();
  void Failed(absl::string_view why);

  Loop& loop_;
  const absl::Duration limit_;
  const Hooks hooks_;
  bool wanted_ = false;
  bool running_ = false;
  bool stale_ = false;    // what runs was started for an earlier Watch()
  bool overdue_ = false;  // what runs is being killed for taking too long
  uint64_t run_ = 0;
  absl::Duration delay_;
  Loop::Watch timer_;
  Loop::Watch limit_timer_;  // while one runs
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_COMMAND_PROBE_H_
