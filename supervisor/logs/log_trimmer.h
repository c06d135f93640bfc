#ifndef ESPALIER_SUPERVISOR_LOGS_LOG_TRIMMER_H_
#define ESPALIER_SUPERVISOR_LOGS_LOG_TRIMMER_H_

#include <pthread.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/loop/loop.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// Keeps log files within a size while others append to them, by punching holes
// at their fronts: the space is given back, and every offset stays what it was.
//
// A file is in one of two states, and growing when it is first watched:
//
//   growing ──no growth at a check──► still ──first write (inotify, once)──►
//   growing
//
// A still one costs nothing, neither us nor its writer. While any is growing,
// one timer looks at their sizes, the sooner the less room is left at the rate
// at which they grow. See docs/adr/0004 for what else was considered.
//
// Who gives up an inotify instance waits for the kernel, some 15 ms, and a
// process that has one waits so when it ends. What does not live long has none
// therefore, and WindDown() gives it up in the meantime.
//
// A file is over its limit for no longer than max_interval, plus the time that
// one trim takes. The newest bytes are always there. The loop's thread only.
class LogTrimmer {
 public:
  struct Options {
    // How long a growing file is left alone, at least and at most.
    absl::Duration min_interval = absl::Milliseconds(10);
    absl::Duration max_interval = absl::Milliseconds(250);
    // The system call, so that a test can fail it: 0, or -1 and errno.
    std::function<int(int fd, off_t begin, off_t length)> punch_hole =
        PunchHole;
  };

  // What cannot be done is told to `complain`, once for each kind: a file
  // system without holes, no inotify watch left. `loop` must outlive this.
  LogTrimmer(Loop* loop, std::function<void(const absl::Status&)> complain,
             Options options);
  LogTrimmer(Loop* loop, std::function<void(const absl::Status&)> complain)
      : LogTrimmer(loop, std::move(complain), Options()) {}
  LogTrimmer(const LogTrimmer&) = delete;
  LogTrimmer& operator=(const LogTrimmer&) = delete;
  ~LogTrimmer();

  // Keeps the file at `path`, which exists, within `max_bytes` from now on.
  // Again for a path that is known: there may be another file.
  void Watch(const std::string& path, int64_t max_bytes);

  // Nothing will be watched anew, and this ends soon: until then every file
  // counts as growing, so that one timer runs.
  void WindDown();

  // How many are growing. With none there is no timer.
  size_t growing() const { return growing_.size(); }

  static int PunchHole(int fd, off_t begin, off_t length);

 private:
  struct File {
    std::string path;
    int64_t max_bytes = 0;
    // Where what is left of it begins; -1: not known yet.
    int64_t begin = -1;
    // When it was last looked at.
    int64_t size = 0;
    ino_t inode = 0;
    bool growing = false;
  };

  // By its path a file can be found.
  struct HashOfPath {
    using is_transparent = void;
    size_t operator()(absl::string_view path) const {
      return absl::Hash<absl::string_view>()(path);
    }
    size_t operator()(const File* file) const { return (*this)(file->path); }
  };
  struct SamePath {
    using is_transparent = void;
    static absl::string_view PathOf(absl::string_view path) { return path; }
    static absl::string_view PathOf(const File* file) { return file->path; }
    bool operator()(const auto& a, const auto& b) const {
      return PathOf(a) == PathOf(b);
    }
  };

  void ReadEvents();
  void Arm(File& file);
  void BeginChecks(File& file);
  void CheckAll();
  // Trims the file if it is over its limit, a bounded amount. How long it can
  // be left alone; infinite if it is still now.
  absl::Duration Check(File& file);
  absl::Status Trim(File& file);
  absl::Duration TimeToFill(const File& file, int64_t grown) const;
  void Schedule(absl::Duration delay);
  void Complain(absl::Status status);

  Loop* const loop_;
  const std::function<void(const absl::Status&)> complain_;
  const Options options_;
  UniqueFd inotify_;
  bool winding_down_ = false;
  std::optional<pthread_t> closing_;  // Gives the inotify instance up.
  Loop::Watch readable_;
  std::deque<File> files_;  // which stay where they are
  absl::flat_hash_set<File*, HashOfPath, SamePath> by_path_;
  absl::flat_hash_map<int, File*> by_watch_;
  std::vector<File*> growing_;
  absl::Duration last_check_ = absl::ZeroDuration();
  // When the timer fires; infinite: there is none.
  absl::Duration next_check_ = absl::InfiniteDuration();
  Loop::Watch timer_;
  std::vector<absl::StatusCode> complained_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_LOG_TRIMMER_H_
