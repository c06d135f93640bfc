// The keeper's own descriptors: some for each service that runs.
#ifndef SUPERVISOR_KEEPER_PROGRAM_DESCRIPTOR_TABLE_H_
#define SUPERVISOR_KEEPER_PROGRAM_DESCRIPTOR_TABLE_H_

#include <optional>

#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

// As many descriptors as may be had. The limit as it was, if it was lower: a
// service must not find one that it cannot deal with (select).
std::optional<ResourceLimit> RaiseDescriptorLimit();

// Makes room in the kernel's table for the descriptors of many services; to be
// called while the calling thread has a table of its own. To grow one that is
// shared, as with a child that has not taken its copy yet, Linux waits until
// nobody can be reading the old one (synchronize_rcu, in expand_fdtable() of
// fs/file.c), which takes 10 to 20 ms: at the first service, and again at each
// doubling.
void GrowDescriptorTable();

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_DESCRIPTOR_TABLE_H_
