// What a new process does between clone and exec.
#ifndef SUPERVISOR_KEEPER_PROGRAM_CHILD_H_
#define SUPERVISOR_KEEPER_PROGRAM_CHILD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

// Everything the child needs, ready to be used as it is: it shares the keeper's
// memory, so it allocates nothing and calls nothing that might.
struct ChildPlan {
  pid_t keeper_pid;
  int report_fd;  // Close-on-exec; gets a ChildReport if something fails.
  const char* program;
  char* const* argv;
  char* const* envp;
  char* listen_pid;  // Where the child writes its own pid, or null.
  const char* working_directory;
  const char* log_path;  // Null: keep /dev/null, or what log_fd is.
  int log_fd;            // The writing end of the log's pipe, or −1.
  int* listeners;        // Changed by the child.
  size_t listener_count;
  int readiness_fd;                // −1 for none.
  int cgroup_fd;                   // Directory of the cgroup to enter, or −1.
  const Credentials* credentials;  // Null: keep the keeper's.
  const ResourceLimit* limits;
  size_t limit_count;
  const int32_t* nice;  // Null: keep.
  uint32_t umask;
  bool no_new_privs;
  // The child begins with the keeper's own table of descriptors and takes a
  // copy of those below kFirstHighFd; a byte in `report_fd` says that it has.
  bool shares_descriptors;
};

// Where the keeper puts the descriptors that no child needs, of which there is
// one for each service: so a spawn does not copy and close them all.
inline constexpr int kFirstHighFd = 1024;

// What comes through the report descriptor: kUnshared if the child shares
// descriptors, then a ChildReport if something fails.
inline constexpr char kUnshared = 'u';

struct ChildReport {
  SpawnStage stage;
  int32_t error;
};

// Runs in the child, on a stack of its own. Takes a ChildPlan*; does not
// return.
int RunChild(void* plan);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_CHILD_H_
