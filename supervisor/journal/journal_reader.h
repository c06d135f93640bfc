#ifndef ESPALIER_SUPERVISOR_JOURNAL_JOURNAL_READER_H_
#define ESPALIER_SUPERVISOR_JOURNAL_JOURNAL_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "supervisor/journal/event.pb.h"
#include "supervisor/journal/record.h"

namespace espalier {

// Reads the events of an instance from its journal, `path`.1 and then `path`,
// as they are when it is opened; also while an environment writes them. Keeps
// both files in memory: some megabytes. One thread.
class JournalReader {
 public:
  // NotFoundError if there is no journal.
  static absl::StatusOr<JournalReader> Open(const std::string& path);

  // The next event, with a revision greater than all before; nothing at the
  // end.
  std::optional<journal::v1::Event> Next();

  // Records that could not be read so far. What could not be read does not
  // count twice, however long it is; gaps in the revisions tell how much is
  // missing.
  int64_t damaged() const;

 private:
  struct File {
    explicit File(std::string all)
        : bytes(std::move(all)), scanner(absl::string_view(bytes)) {}
    const std::string bytes;
    RecordScanner scanner;
  };

  // Behind pointers, since the scanners refer to the bytes.
  std::vector<std::unique_ptr<File>> files_;
  size_t file_ = 0;
  int64_t revision_ = 0;
  int64_t no_events_ = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_JOURNAL_JOURNAL_READER_H_
