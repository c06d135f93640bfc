// The guard: parent of the keeper, and what is left when the keeper is not.
#ifndef SUPERVISOR_KEEPER_PROGRAM_GUARD_H_
#define SUPERVISOR_KEEPER_PROGRAM_GUARD_H_

#include <sys/types.h>

namespace espalier::keeper {

// Makes the calling process the guard, and forks the keeper. Returns only in
// the keeper, with the guard's pid. The guard itself waits for the keeper's
// end, ends everything below, and exits as the keeper did: its code, or 128 +
// the signal.
//
// Expects no other descriptors than those of inherited.h. The guard keeps none:
// whoever waits for the end of a descriptor of the environment's does not wait
// for the guard, and the end of the keeper ends its socket.
pid_t BecomeGuardAndForkKeeper();

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_GUARD_H_
