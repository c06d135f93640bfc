#ifndef ESPALIER_SUPERVISOR_LOGS_FOLLOWED_FILE_H_
#define ESPALIER_SUPERVISOR_LOGS_FOLLOWED_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// One file that is read line by line while it is written, without waiting for
// anything: LogFollower knows when to call. One thread.
class FollowedFile {
 public:
  using LineCallback = std::function<void(absl::string_view line)>;

  static constexpr int64_t kNoEnd = INT64_MAX;

  // Reads from `offset` on, or from the end if that is negative, and nothing at
  // or behind `end`. The file is opened when it exists; one that appears later
  // is read from its beginning.
  FollowedFile(std::string path, int64_t offset, size_t max_line_bytes,
               int64_t end = kNoEnd);

  // Opens the file at the path if that is another one than before, or the first
  // one. What an earlier file still had is told before. Returns whether a file
  // was opened; false also if there is none.
  bool Reopen(const LineCallback& callback);

  // Reads up to `max_bytes` of what is new and tells its lines. Returns whether
  // there may be more. Notices that the file was truncated or that what comes
  // next is a hole; the rest of a line that a hole ends in is gone with it.
  bool ReadSome(size_t max_bytes, const LineCallback& callback);

  // Tells a last line that has no newline as it is.
  void FlushPartial(const LineCallback& callback);

  // How many bytes the file has beyond what was read.
  int64_t Unread() const;

  const std::string& path() const { return path_; }

 private:
  void Consume(absl::string_view data, const LineCallback& callback);
  // Says how much is gone, if something is.
  void TellLoss(const LineCallback& callback);
  // Skips a hole at the offset, which ends at `size` at the latest.
  void SkipHole(int64_t size, const LineCallback& callback);
  // What is left of `data` behind the end of the line that a hole has cut.
  absl::string_view SkipCutLine(absl::string_view data,
                                const LineCallback& callback);
  void Drain(const LineCallback& callback);

  const std::string path_;
  const size_t max_line_bytes_;
  const int64_t end_;
  UniqueFd fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  int64_t offset_;
  // The beginning of a line whose end was not written yet; less than
  // `max_line_bytes_`.
  std::string partial_;
  // Whether the beginning of the current line was told already, being too long.
  bool continued_ = false;
  // What is gone, and was not told yet; the end of that line is still to come.
  int64_t gone_ = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_FOLLOWED_FILE_H_
