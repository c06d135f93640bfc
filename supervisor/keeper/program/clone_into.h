// clone3 with CLONE_INTO_CGROUP, which glibc does not offer: the child is born
// in its cgroup. Moving it there afterwards would stop the machine's other
// forks for a moment, and cost a service some of its first milliseconds.
#ifndef SUPERVISOR_KEEPER_PROGRAM_CLONE_INTO_H_
#define SUPERVISOR_KEEPER_PROGRAM_CLONE_INTO_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace espalier::keeper {

// Makes a child that shares memory, and what else `flags` says, runs
// `run(argument)` on the given stack, and must not return from it. The child's
// pid, or −errno; ENOSYS or EPERM where clone3 is denied, as some containers
// do.
pid_t CloneIntoCgroup(int (*run)(void*), void* argument, void* stack,
                      size_t stack_bytes, uint64_t flags, int cgroup_fd,
                      int* pidfd);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_CLONE_INTO_H_
