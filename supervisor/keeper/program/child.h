// What a new process does between clone and exec.
#ifndef SUPERVISOR_KEEPER_PROGRAM_CHILD_H_
#define SUPERVISOR_KEEPER_PROGRAM_CHILD_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

// How far it has come.
enum class ChildProgress : uint32_t {
  kCloned,
  kPrepares,  // Its end of the report pipe is open.
  kFailed,
};

struct ChildFailure {
  SpawnStage stage;
  int32_t error;
};

// Everything the child needs, ready to be used as it is: it shares the keeper's
// memory, so it allocates nothing and calls nothing that might.
struct ChildPlan {
  pid_t keeper_pid;
  // "/proc/self/fd/N", the keeper's end of a pipe. The child opens the other
  // end in its own table, and nobody else has it: it is closed when the program
  // is executed, which the keeper sees as an error of its end.
  const char* report_path;
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
  // copy of those below kFirstHighFd.
  bool shares_descriptors;
  // What the child says, through the memory that it shares.
  ChildProgress progress = ChildProgress::kCloned;
  ChildFailure failure = {};  // If it failed.
};

// Where the keeper puts the descriptors that no child needs, of which there is
// one for each service: so a spawn does not copy and close them all.
inline constexpr int kFirstHighFd = 1024;

// Runs in the child, on a stack of its own. Takes a ChildPlan*; does not
// return.
int RunChild(void* plan);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_CHILD_H_
