#ifndef ESPALIER_SUPERVISOR_JOURNAL_EVENT_LOG_H_
#define ESPALIER_SUPERVISOR_JOURNAL_EVENT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "supervisor/journal/event.pb.h"
#include "supervisor/journal/journal_file.h"
#include "supervisor/journal/journal_reader.h"

namespace espalier {

// The events of a running instance: numbers them, keeps the latest at hand and
// all in its journal, and tells when there are new ones. What the journal
// cannot take (a full disk) is told all the same, and lost with this process.
// One thread.
class EventLog {
 public:
  struct Options {
    // The journal; see JournalFile. Empty: nothing is kept.
    std::string path = {};
    // Of each of its two files.
    int64_t max_file_bytes = 1 << 20;
    // How many events are kept at hand.
    size_t max_recent = 4096;
    // Called with an error when events cannot be kept any more, and with OK
    // when they can again.
    std::function<void(const absl::Status&)> on_trouble = nullptr;
  };

  // Reads what there is, to go on with its numbers. Never fails: `on_trouble`
  // is told.
  explicit EventLog(Options options);
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  // Flushes.
  ~EventLog();

  // Numbers the event, gives it its times and keeps it; it is written, and
  // readers are told, by the next Flush().
  void Add(journal::v1::Event event, absl::Time wall, absl::Duration monotonic);
  void Flush();

  // Called by Flush() when there are new events. At most one; an empty function
  // ends it.
  void SetListener(std::function<void()> listener) {
    listener_ = std::move(listener);
  }

  // The latest event that was flushed; 0 if there is none.
  int64_t revision() const { return flushed_; }
  // The oldest event that is at hand has the next revision.
  int64_t floor() const { return floor_; }
  // At most `max` flushed events after `revision`, oldest first; `revision` is
  // at least floor().
  std::vector<journal::v1::Event> After(int64_t revision, size_t max) const;
  // For older ones. NotFoundError if nothing is kept.
  absl::StatusOr<JournalReader> OpenJournal() const;

  // Stretches of the journal that were found damaged at the start.
  size_t damaged() const { return damaged_; }

 private:
  void Report(const absl::Status& status);

  const Options options_;
  JournalFile file_;
  absl::Status status_;
  size_t damaged_ = 0;
  // The latest event, flushed or not.
  int64_t revision_ = 0;
  int64_t flushed_ = 0;
  int64_t floor_ = 0;
  // Serialised, which takes a tenth of the memory and of the time to let go.
  std::deque<std::string> recent_;
  // Records that were not written yet.
  std::string unwritten_;
  std::function<void()> listener_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_JOURNAL_EVENT_LOG_H_
