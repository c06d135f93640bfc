#ifndef ESPALIER_SUPERVISOR_JOURNAL_TRANSITION_H_
#define ESPALIER_SUPERVISOR_JOURNAL_TRANSITION_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/exit_result.h"
#include "supervisor/journal/event.pb.h"

namespace espalier {

// The event of a change that the engine tells of. `exit` is how the service's
// latest run ended (Engine::LastExit), which is of interest where a run ends.
// What a detail quotes is made harmless for a terminal, and cut if it is very
// long.
journal::v1::Event TransitionEvent(const Changed& change,
                                   absl::string_view service,
                                   const std::optional<ExitResult>& exit);

// The event of a group's body whose runs go from one state to another.
journal::v1::Event GroupTransitionEvent(absl::string_view group, int64_t run,
                                        absl::string_view from,
                                        absl::string_view to,
                                        absl::string_view detail);

// The event of a service whose processes were frozen, or thawed.
journal::v1::Event FreezeEvent(absl::string_view service, Generation generation,
                               bool frozen);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_JOURNAL_TRANSITION_H_
