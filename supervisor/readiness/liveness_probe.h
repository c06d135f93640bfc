#ifndef ESPALIER_SUPERVISOR_READINESS_LIVENESS_PROBE_H_
#define ESPALIER_SUPERVISOR_READINESS_LIVENESS_PROBE_H_

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Asks a server which is ready again and again whether it still lives. How it
// is asked is the caller's affair; here is only when, and what that means.
//
//   resting ──interval──► asking ──Answered()──► resting
//                           └──timeout──► failed(), resting
//
// The loop's thread only.
class LivenessProbe {
 public:
  struct Options {
    // From one answer (or failure) to the next question.
    absl::Duration interval;
    // How long an answer may take.
    absl::Duration timeout;
  };
  struct Hooks {
    // Begins to ask, until there is a good answer: Answered(). What is no
    // answer, or a bad one, is repeated, and told by Complained().
    std::function<void()> ask;
    // Stops asking. Called once for every `ask`, also by the destructor.
    std::function<void()> stop;
    // There was no good answer in time, and why.
    std::function<void(std::string)> failed;
    // There was one, after a failure.
    std::function<void()> passed;
  };

  // Asks for the first time after the interval.
  LivenessProbe(Loop& loop, Options options, Hooks hooks);
  LivenessProbe(const LivenessProbe&) = delete;
  LivenessProbe& operator=(const LivenessProbe&) = delete;
  ~LivenessProbe();

  // Ignored unless it asks.
  void Answered();
  void Complained(std::string complaint);

 private:
  void Rest();
  void Ask();
  void Stop();

  Loop& loop_;
  const Options options_;
  const Hooks hooks_;
  bool asking_ = false;
  bool failed_ = false;
  std::string complaint_;
  Loop::Watch timer_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_LIVENESS_PROBE_H_
