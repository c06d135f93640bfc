#ifndef ESPALIER_SUPERVISOR_LOGS_LOG_FOLLOWER_H_
#define ESPALIER_SUPERVISOR_LOGS_LOG_FOLLOWER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// Tells each new line of several log files, as they are written. It is woken by
// inotify and never polls; one turn of the loop reads a bounded amount of each
// file, so that a service which prints without end cannot hold up the loop.
//
// A file may not exist yet, be truncated, be replaced by another one, or lose
// its front to a punched hole: what was lost that way before it was read is
// told as one line "[… 4096 bytes are gone …]".
//
// The loop's thread only.
class LogFollower {
 public:
  struct Options {
    // A line that gets longer is told in pieces of this size.
    size_t max_line_bytes = 8192;
    // How much of one file is read in one turn of the loop.
    size_t max_bytes_per_turn = 256 * 1024;
  };

  // Gets the name that was given to Add() and one line without its newline, as
  // raw as it was written: TerminalText() makes it harmless. Both views last
  // for the call. It may call anything of the follower but its destructor.
  using LineCallback =
      std::function<void(absl::string_view name, absl::string_view line)>;

  // `loop` must outlive the follower. ResourceExhaustedError if this user has
  // no inotify instance left.
  static absl::StatusOr<std::unique_ptr<LogFollower>> Create(
      Loop* loop, LineCallback callback, Options options);
  static absl::StatusOr<std::unique_ptr<LogFollower>> Create(
      Loop* loop, LineCallback callback) {
    return Create(loop, std::move(callback), Options());
  }
  virtual ~LogFollower() = default;

  static constexpr int64_t kFromEnd = -1;

  // Follows the file at `path`, whose directory must exist, under `name`,
  // beginning at `offset`: LogTail::end_offset, 0 for all of it, or kFromEnd.
  // AlreadyExistsError if the name is in use.
  virtual absl::Status Add(const std::string& name, const std::string& path,
                           int64_t offset) = 0;
  virtual void Remove(absl::string_view name) = 0;

  // Reads what there is, up to the end of each file, and tells also a last line
  // that has no newline: for when a service has ended, or everything is about
  // to. Unlike the rest it is bounded only by the size of the files at the
  // call.
  virtual void Flush() = 0;

  // While it is paused nothing is read: the file is the queue. Called by the
  // callback, it takes effect after at most `max_bytes_per_turn` more.
  virtual void SetPaused(bool paused) = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_LOG_FOLLOWER_H_
