#ifndef ESPALIER_SUPERVISOR_LOGS_SIDECAR_GENERATION_LOG_H_
#define ESPALIER_SUPERVISOR_LOGS_SIDECAR_GENERATION_LOG_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/logs/sidecar/log_mark.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// The sidecar of all logs of an instance: at which offset of its log each run
// of each service began. One file, `generations` beside the logs (log_mark.h
// has the format), since one open file and one small write for a whole batch of
// starts is the least that it can cost: 32 bytes for each run, and no file to
// be made for any service.
//
// The environment that holds the instance's lock writes it, on one thread;
// anybody may read it meanwhile.
class GenerationLog {
 public:
  struct Options {
    // When the file is larger, its older half is dropped, but for the latest
    // record of each log.
    size_t max_bytes = 4 << 20;
  };

  // Where the sidecar of the log at `log_path` is.
  static std::string PathBeside(absl::string_view log_path);

  // Opens the file at `path`, or makes it (0600). What a crash left of a record
  // is cut off.
  static absl::StatusOr<GenerationLog> Open(const std::string& path,
                                            Options options);
  static absl::StatusOr<GenerationLog> Open(const std::string& path) {
    return Open(path, Options());
  }

  // A run of the service that logs to `log_path` begins at this offset. Is
  // written by the next Flush().
  void Add(absl::string_view log_path, uint64_t generation, int64_t offset,
           absl::Time time);

  // Writes what was added, in one call. What could not be written is dropped,
  // and the error says so; the file stays in order.
  absl::Status Flush();

 private:
  GenerationLog(std::string path, Options options, UniqueFd fd, size_t size);

  absl::Status Compact();

  std::string path_;
  Options options_;
  UniqueFd fd_;
  size_t size_;
  // The file is compacted when it is larger: not with each record if the
  // latest ones alone take more than the limit.
  size_t compact_above_;
  std::string pending_;
};

// The runs whose beginnings are known of the log at `log_path`, oldest first;
// of every run of the environment so far. None if there is no sidecar; damaged
// records are passed over. Any thread.
absl::StatusOr<std::vector<LogMark>> ReadGenerations(
    const std::string& log_path);

// When the bytes from which offset on of that log came, oldest first: known in
// strict mode only. Any thread.
absl::StatusOr<std::vector<LogMark>> ReadLineTimes(const std::string& log_path);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_SIDECAR_GENERATION_LOG_H_
