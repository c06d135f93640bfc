#ifndef ESPALIER_SUPERVISOR_TESTING_STANDSTILL_H_
#define ESPALIER_SUPERVISOR_TESTING_STANDSTILL_H_

#include <sys/types.h>

namespace espalier {

// Blocks until no thread of the process and of its descendants runs, which a
// freeze has stopped or is about to stop. The kernel tells nobody but parents
// when SIGSTOP has taken effect, so this looks again and again.
void AwaitStandstill(pid_t pid);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_STANDSTILL_H_
