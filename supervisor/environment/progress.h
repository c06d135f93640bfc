#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_H_

#include <memory>
#include <string_view>

#include "absl/time/time.h"
#include "supervisor/environment/progress_output.h"
#include "supervisor/environment/progress_view.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Shows what the services of an environment are doing while it starts and while
// it stops.
//
// On a terminal: a block of one line for each service, redrawn in place, with
// its state, the time it has taken, and what it waits for; at most a screenful.
// Elsewhere: a plain line for each change. While no line is kBusy, nothing runs
// and nothing is written.
//
// The loop's thread only. Writing never blocks: what a stopped terminal or a
// full pipe does not take is kept, up to a limit, until it does.
class Progress {
 public:
  struct Options {
    // Where to write; stays the caller's, and open as long as this object.
    int fd = 2;
    // Redraw in place; else plain lines.
    bool terminal = false;
    bool colour = false;
  };

  // What suits `fd`: in place if it is a terminal that is not TERM=dumb, in
  // colour unless NO_COLOR is set. Reads the environment of the process.
  static Options Detect(int fd);

  Progress(Loop& loop, Options options);

  // Leaves the screen as Finish() does.
  ~Progress();

  // Sets the line of the service `name`, which is added at the end if it is
  // new. `now` is Loop::Now(), or what a test calls so.
  void Update(std::string_view name, ProgressLine line, absl::Duration now);

  // Writes `text`, lines which end with '\n', above the block: logs, messages.
  void Print(std::string_view text, absl::Duration now);

  // Draws the block a last time and leaves it on the screen; forgets all lines.
  // Whatever is written to `fd` next begins on a line of its own. The next
  // Update() begins a new block.
  void Finish(absl::Duration now);

 private:
  void Draw(absl::Duration now);
  void ScheduleDraw(absl::Duration delay);

  Loop& loop_;
  const Options options_;
  ProgressOutput output_;
  ProgressView view_;
  // The moment of the last drawing.
  absl::Duration drawn_at_ = -absl::InfiniteDuration();
  // When the next drawing is due, while next_draw_ is set. It reads the real
  // clock, offset by what the caller called now.
  absl::Duration due_at_ = absl::ZeroDuration();
  absl::Duration clock_offset_ = absl::ZeroDuration();
  Loop::Watch next_draw_;
  Loop::Watch resized_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_H_
