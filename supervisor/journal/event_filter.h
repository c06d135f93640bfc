#ifndef ESPALIER_SUPERVISOR_JOURNAL_EVENT_FILTER_H_
#define ESPALIER_SUPERVISOR_JOURNAL_EVENT_FILTER_H_

#include <string>
#include <vector>

#include "supervisor/journal/event.pb.h"

namespace espalier {

// Whether who wants to know of these services, by their paths, is told of the
// event: a move of one of them, that it was frozen or thawed, a move of a
// group around one of them, or something that concerns the whole environment.
// None are all.
bool Concerns(const journal::v1::Event& event,
              const std::vector<std::string>& services);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_JOURNAL_EVENT_FILTER_H_
