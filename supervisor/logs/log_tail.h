#ifndef ESPALIER_SUPERVISOR_LOGS_LOG_TAIL_H_
#define ESPALIER_SUPERVISOR_LOGS_LOG_TAIL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace espalier {

// The end of a log file.
struct LogTail {
  struct Options {
    // How many lines at most; 0 gives none, only `end_offset`.
    size_t max_lines = 20;
    // How much is read of the file at most, from its end, wherever lines begin.
    // Memory is bounded by it.
    size_t max_bytes = 64 * 1024;
    // What is longer is cut, and ends in "…".
    size_t max_line_bytes = 4096;
    // Only what lies at or behind this offset: the beginning of a generation,
    // say.
    int64_t from_offset = 0;
  };

  // Reads the end of the file at `path`, which may be huge, sparse, binary,
  // growing or without a newline. Never reads more than `max_bytes`.
  // NotFoundError if there is no such file; other errors say what the system
  // said. A call of some 10 µs for a warm file; any thread.
  static absl::StatusOr<LogTail> Read(const std::string& path,
                                      const Options& options);
  static absl::StatusOr<LogTail> Read(const std::string& path) {
    return Read(path, Options());
  }

  // Oldest first, without newlines, made harmless by TerminalText(). The last
  // one may have had no newline yet.
  std::vector<std::string> lines;
  // Whether the file has more in front of `lines` than is told here.
  bool has_more = false;
  // Where reading stopped; a LogFollower that starts here misses nothing and
  // repeats nothing, except that it tells the rest of a last line that had no
  // newline as a line of its own.
  int64_t end_offset = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_LOG_TAIL_H_
