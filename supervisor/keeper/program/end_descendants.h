// Ending every process below this one, whatever it does: the last word of
// keeper and guard.
#ifndef SUPERVISOR_KEEPER_PROGRAM_END_DESCENDANTS_H_
#define SUPERVISOR_KEEPER_PROGRAM_END_DESCENDANTS_H_

#include <sys/types.h>

#include <string_view>
#include <vector>

#include "supervisor/keeper/program/process_scan.h"

namespace espalier::keeper {

// Kills and reaps until the calling process has no children. It must be a
// subreaper, so that no descendant leaves it.
//
// Each round first stops all that can be found, again and again until nothing
// new turns up, and then kills: what is stopped cannot fork, and unlike what is
// killed it keeps its place under a limit of processes, which a fork bomb would
// fill at once.
//
// Blocks until they are gone: for ever if one of them is in uninterruptible
// sleep, or belongs to another user and ignores its end.
void EndAllDescendants();

// For when no ancestor is left to do that: stops and kills in the same way,
// once, what carries a marker that begins with `token` and '/'. Returns what it
// killed, to be waited for, or to be looked for again: empty if there was
// nothing.
std::vector<OwnedFd> KillMarked(std::string_view token);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_END_DESCENDANTS_H_
