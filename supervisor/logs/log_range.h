#ifndef ESPALIER_SUPERVISOR_LOGS_LOG_RANGE_H_
#define ESPALIER_SUPERVISOR_LOGS_LOG_RANGE_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace espalier {

// Which part of a log is wanted.
struct LogOffset {
  int64_t bytes = 0;
};
struct LogGeneration {
  // Of the latest run of the environment.
  uint32_t number = 1;
};
struct LogSince {
  absl::Time time;
};
using LogPart = std::variant<LogOffset, LogGeneration, LogSince>;

// Where that part is in the file. What has been trimmed of it may be in it
// still, as a hole.
struct LogRange {
  int64_t begin = 0;
  // Where the next run begins, if a generation was asked for that is over;
  // otherwise INT64_MAX.
  int64_t end = INT64_MAX;
};

// Finds `part` of the log at `path`, by the sidecars beside it. What was
// printed since a time begins, in strict mode, with the line that came then; in
// file mode nobody saw the lines come, so it begins with the run that was under
// way. OutOfRangeError or NotFoundError say what there is instead. Reads the
// sidecars; any thread.
absl::StatusOr<LogRange> FindLogRange(const std::string& path,
                                      const LogPart& part);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_LOG_RANGE_H_
