// The cgroup that this process is in, and what the kernel tells in its files.
#ifndef SUPERVISOR_KEEPER_PROGRAM_OWN_CGROUP_H_
#define SUPERVISOR_KEEPER_PROGRAM_OWN_CGROUP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "supervisor/keeper/owned_fd.h"

namespace espalier::keeper {

// Where this process's cgroup is in the file system, from the contents of
// /proc/self/mountinfo and /proc/self/cgroup. Nothing if version 2 is not
// mounted, or the mount does not show it. With the name of a controller: the
// cgroup of version 1 that has it.
std::optional<std::string> OwnCgroupDirectory(std::string_view mountinfo,
                                              std::string_view cgroup,
                                              std::string_view controller = "");

// How many processes the kernel has killed for lack of memory, from the
// contents of memory.events, or of version 1's memory.oom_control.
uint64_t OomKills(std::string_view memory_events);

// Notices that the kernel kills processes for lack of memory in the cgroup that
// this process is in: of a container, or of whatever it was started in.
class OwnOomKills {
 public:
  // Counts from now on. Never notices any where that cannot be told.
  OwnOomKills();
  // Whether there were any since the last call.
  bool Any();

 private:
  OwnedFd file_;
  uint64_t seen_ = 0;
};

// The whole content of a file; empty if it cannot be read, or is none.
std::string ReadAll(const OwnedFd& file);
std::string ReadFile(const std::string& path);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_OWN_CGROUP_H_
