#include "supervisor/environment/event_recorder.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "supervisor/journal/transition.h"
#include "supervisor/logs/terminal_text.h"

namespace espalier {

void EventRecorder::Add(journal::v1::Event event) {
  log_.Add(std::move(event), absl::Now(), Loop::Now());
  if (flush_soon_) return;
  flush_soon_ = loop_.After(absl::ZeroDuration(), [this] {
    flush_soon_ = Loop::Watch();
    log_.Flush();
  });
}

void EventRecorder::Began(const std::string& run_id) {
  journal::v1::Event event;
  event.mutable_run_began()->set_run_id(run_id);
  event.mutable_run_began()->set_pid(getpid());
  Add(std::move(event));
}

void EventRecorder::On(const Changed& change) {
  Add(TransitionEvent(change, runtime_.services()[Index(change.id)].path,
                      runtime_.engine().LastExit(change.id)));
}

void EventRecorder::On(const GroupRun::Move& move) {
  Add(GroupTransitionEvent(move.group, static_cast<int64_t>(move.run),
                           GroupRun::StateName(move.from),
                           GroupRun::StateName(move.to), move.detail));
}

void EventRecorder::On(const Runtime::FreezeChange& change) {
  Add(FreezeEvent(runtime_.services()[Index(change.id)].path, change.generation,
                  change.frozen));
}

void EventRecorder::Ended(const absl::Status& status) {
  journal::v1::Event event;
  // The last lines of a log, which follow, are in the log.
  const absl::string_view error = status.message();
  event.mutable_run_ended()->set_error(
      TerminalText(error.substr(0, error.find('\n'))));
  Add(std::move(event));
  flush_soon_ = Loop::Watch();
  log_.Flush();
}

}  // namespace espalier
