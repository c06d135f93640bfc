#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_OUTPUT_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_OUTPUT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "supervisor/loop/loop.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// Writes to a terminal, pipe or file without ever blocking the loop: a terminal
// that was stopped with Ctrl-S must not stop the supervision. What is not taken
// at once is kept and written when there is room. The loop's thread only.
class ProgressOutput {
 public:
  // Beyond this many bytes that wait, what is written is dropped. The table of
  // 10,000 services takes a tenth of it.
  static constexpr size_t kMaxPending = 16 << 20;

  // `fd` stays the caller's and open as long as this object. Its O_NONBLOCK
  // flag is shared with other processes (the shell) and stays as it is: we
  // write through a description of our own where the system gives us one.
  ProgressOutput(Loop& loop, int fd);

  // Written when the loop turns next, together with what comes until then, or
  // by Flush.
  void Write(std::string_view text);
  // Writes as much as there is room for, now.
  void Flush();
  // Writes what there is room for within that time. Blocks.
  void FlushWithin(absl::Duration longest);

  // True if everything that was written has been taken.
  bool idle() const { return pending_.empty(); }

 private:
  Loop& loop_;
  UniqueFd own_;
  int fd_;
  std::string pending_;
  Loop::Watch soon_;
  Loop::Watch writable_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_PROGRESS_OUTPUT_H_
