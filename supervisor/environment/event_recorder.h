#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_EVENT_RECORDER_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_EVENT_RECORDER_H_

#include <string>

#include "absl/status/status.h"
#include "supervisor/engine/actions.h"
#include "supervisor/journal/event_log.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/runtime.h"

namespace espalier {

// Puts what happens in a runtime into an EventLog: what belongs to one turn of
// the loop with one write, after it. The loop's thread only.
class EventRecorder {
 public:
  // `loop` and `runtime` must outlive this.
  EventRecorder(Loop& loop, const Runtime& runtime, EventLog::Options options)
      : loop_(loop), runtime_(runtime), log_(std::move(options)) {}

  EventLog& log() { return log_; }

  // The environment begins; `run_id` as ControlServer has it.
  void Began(const std::string& run_id);
  // To be told of every move, by the runtime's observers.
  void On(const Changed& change);
  void On(const GroupRun::Move& move);
  void On(const Runtime::FreezeChange& change);
  // Nothing runs any more, because it was asked to stop (OK), or why. Written
  // at once.
  void Ended(const absl::Status& status);

 private:
  void Add(journal::v1::Event event);

  Loop& loop_;
  const Runtime& runtime_;
  EventLog log_;
  Loop::Watch flush_soon_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_EVENT_RECORDER_H_
