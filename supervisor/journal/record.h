// The format of a journal file: records, framed so that a reader finds its way
// again behind damage. Pure: bytes in, bytes out.
#ifndef ESPALIER_SUPERVISOR_JOURNAL_RECORD_H_
#define ESPALIER_SUPERVISOR_JOURNAL_RECORD_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace espalier {

// What a journal file begins with: a text that explains the rest.
extern const absl::string_view kJournalHeader;

// A body has at least one byte and at most so many.
inline constexpr size_t kMaxRecordBody = 64 * 1024;

// What a record needs beside its body.
inline constexpr size_t kRecordOverhead = 12;

// Appends a record to `file`. Check-fails for a body of a size that is not
// allowed.
void AppendRecord(absl::string_view body, std::string& file);

// Reads the records of a file, or of as much of it as there is.
//
// What is no record is skipped, up to the next whole record. Text in a body
// cannot pretend to be one: a record begins with bytes that are never part of
// UTF-8.
class RecordScanner {
 public:
  // `file` must stay as it is for the life of the scanner and of the bodies.
  explicit RecordScanner(absl::string_view file);

  // The body of the next whole record; nothing at the end.
  std::optional<absl::string_view> Next();

  // After the end, and up to where it is before:

  // Stretches that are no records, however long; the torn end does not count.
  size_t damaged() const { return damaged_; }
  // Where the file has to be cut so that records can be appended: behind it is
  // the beginning of a record (or of the header) that was never completed.
  size_t end() const { return position_; }
  // How many bytes that beginning has.
  size_t torn() const { return torn_; }

 private:
  void Finish();

  const absl::string_view file_;
  size_t position_ = 0;
  size_t damaged_ = 0;
  size_t torn_ = 0;
  bool finished_ = false;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_JOURNAL_RECORD_H_
