#ifndef ESPALIER_SUPERVISOR_CONTROL_CHANGE_HISTORY_H_
#define ESPALIER_SUPERVISOR_CONTROL_CHANGE_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "supervisor/control/service_snapshot.h"

namespace espalier {

// The latest changes, for watchers that resume. One thread.
class ChangeHistory {
 public:
  // Knows nothing of the changes up to `revision`; keeps `max_changes`.
  ChangeHistory(int64_t revision, size_t max_changes)
      : floor_(revision), latest_(revision), max_changes_(max_changes) {}

  // `change` is newer than all before.
  void Add(const ServiceChange& change);

  // What came after `revision`, oldest first; nothing if not all of that is
  // known any more, or the revision never was.
  std::optional<std::vector<ServiceChange>> After(int64_t revision) const;

 private:
  // All changes after this revision are known.
  int64_t floor_;
  int64_t latest_;
  const size_t max_changes_;
  std::deque<ServiceChange> changes_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CHANGE_HISTORY_H_
