#ifndef ESPALIER_SUPERVISOR_JOURNAL_JOURNAL_FILE_H_
#define ESPALIER_SUPERVISOR_JOURNAL_JOURNAL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// The file to which a journal's records are appended; see record.h. When it has
// reached its size it becomes `path`.1, whose predecessor goes. One process at
// a time (the instance's lock sees to that); one thread. Nothing is synced:
// what was appended outlives this process, and a crash of the machine costs the
// end.
class JournalFile {
 public:
  // Touches nothing yet.
  JournalFile(std::string path, int64_t max_bytes)
      : path_(std::move(path)), max_bytes_(max_bytes) {}

  // What there is in a file that is opened.
  struct Contents {
    // The body of the latest record in it or its predecessor; empty if there is
    // none.
    std::string latest = {};
    // Stretches that are no records, without the torn end.
    size_t damaged = 0;
  };
  // Opens the file, or makes it (mode 0600), and cuts a torn end off. Errors
  // name the file. Needless: Append() does it.
  absl::StatusOr<Contents> Open();

  // Appends whole records: all of them, or after an error none. After an error
  // the next call tries anew.
  absl::Status Append(absl::string_view records);

 private:
  absl::Status Write(absl::string_view bytes);
  absl::Status Rotate();
  std::string LatestOfPredecessor() const;
  absl::Status Error(absl::string_view what) const;

  const std::string path_;
  const int64_t max_bytes_;
  UniqueFd fd_;
  // Where the last whole record ends.
  int64_t size_ = 0;
};

// The whole of a file that is no link. NotFoundError if there is none.
absl::StatusOr<std::string> ReadJournalFile(const std::string& path);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_JOURNAL_JOURNAL_FILE_H_
