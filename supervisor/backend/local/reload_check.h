#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_RELOAD_CHECK_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_RELOAD_CHECK_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/engine/exit_result.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Runs the program that says whether a service could read its changed files:
// once for each reload, one after the other. Who runs it (the keeper) is the
// caller's affair. The loop's thread only.
class ReloadCheck {
 public:
  struct Hooks {
    // Begins run `run`, counted from 1. After an error nothing follows;
    // otherwise the caller calls DidNotStart(run), or Exited(run) and then
    // Drained(run), later.
    std::function<absl::Status(uint64_t run)> spawn;
    // Ends the run with all that it started.
    std::function<void(uint64_t run)> kill;
    // What the run has printed last.
    std::function<std::string()> last_words;
  };
  using Done = std::function<void(absl::Status)>;

  ReloadCheck(Loop& loop, Hooks hooks)
      : loop_(loop), hooks_(std::move(hooks)) {}
  ReloadCheck(const ReloadCheck&) = delete;
  ReloadCheck& operator=(const ReloadCheck&) = delete;

  // `done` is called once, from the loop: OK, or what the program did not like.
  // Unavailable while an earlier run goes on; one that takes 30 s is killed.
  void Run(Done done);

  void DidNotStart(uint64_t run, absl::string_view why);
  void Exited(uint64_t run, const ExitResult& result);
  void Drained(uint64_t run);

 private:
  void Finish(absl::Status status);

  Loop& loop_;
  const Hooks hooks_;
  uint64_t run_ = 0;
  Done done_;  // null: no run goes on
  absl::Status result_;
  Loop::Watch deadline_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_RELOAD_CHECK_H_
