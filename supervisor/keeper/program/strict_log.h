// StrictLog: a service's output on its way from a pipe into its log.
//
// The bytes are spliced (passage.h), so that none passes through our memory. A
// file opened for appending would refuse that, so they are written at an
// offset. Before each piece there is made room for it, by a hole at the front
// of the file: the file and the one with its times never take more of the disk
// than is allowed.
//
// The times are in `<log>.times`, a sidecar (see log_mark.h) that says when the
// bytes from an offset on arrived: to the millisecond, unless that would take
// more than a quarter of what the log takes; then to the tenth of a second.
#ifndef SUPERVISOR_KEEPER_PROGRAM_STRICT_LOG_H_
#define SUPERVISOR_KEEPER_PROGRAM_STRICT_LOG_H_

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <string>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/program/passage.h"
#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

class StrictLog {
 public:
  // `pipe` does not block.
  StrictLog(std::string path, uint64_t generation, StrictLogRule rule,
            OwnedFd pipe);

  enum class Progress {
    kMore,     // There may be more in the pipe.
    kEmpty,    // Nothing now.
    kEnded,    // Nobody can write into the pipe any more.
    kBlocked,  // The file takes nothing, see error(); the pipe keeps it.
  };

  // Moves a bounded amount. Opens the files first, and makes them if they are
  // not there. Blocks as long as the disk does.
  Progress Pump(Passage& passage);

  // Counts what is in the pipe as lost, a bounded amount.
  Progress Discard();

  int pipe() const { return pipe_.get(); }
  // Why the file takes nothing; 0 if it did the last time.
  int error() const { return error_; }
  uint64_t lost_bytes() const { return lost_bytes_; }
  uint64_t lost_lines() const { return lost_lines_; }

 private:
  // Where a block of the times begins, and in the log.
  struct Block {
    off_t log = 0;
    off_t times = 0;
  };

  bool Open();
  bool OpenTimes();
  off_t Piece() const;
  bool MakeRoom(off_t bytes);
  void TrimTimes();
  bool TellLoss();
  void NoteTime(off_t offset);

  const std::string path_;
  const uint64_t generation_;
  const StrictLogRule rule_;
  OwnedFd pipe_;
  OwnedFd file_;
  OwnedFd times_;
  // Both files: where what is left begins, and where the next byte goes.
  off_t begin_ = 0;
  off_t end_ = 0;
  off_t times_begin_ = 0;
  off_t times_end_ = 0;
  std::deque<Block> blocks_;
  int64_t last_time_us_ = 0;
  int error_ = 0;
  uint64_t lost_bytes_ = 0;
  uint64_t lost_lines_ = 0;
  // Of these, what the log does not tell yet.
  uint64_t untold_bytes_ = 0;
  uint64_t untold_lines_ = 0;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_STRICT_LOG_H_
