#ifndef ESPALIER_SUPERVISOR_TESTING_FILE_WATCH_H_
#define ESPALIER_SUPERVISOR_TESTING_FILE_WATCH_H_

#include <string>

#include "absl/time/time.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// Waits for writes to a file. Blocks; one thread.
class FileWatch {
 public:
  // A file that is not there is never written to.
  explicit FileWatch(const std::string& path);

  // Blocks until somebody has written to the file since the last call, or since
  // the watch was made, and for `at_most` so long.
  void AwaitWrite(absl::Duration at_most) const;

 private:
  const UniqueFd inotify_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_FILE_WATCH_H_
