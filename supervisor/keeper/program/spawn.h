// Making a process: clone with shared memory, without CLONE_VFORK.
//
// vfork-style sharing makes the cost independent of the keeper's size, and each
// child has a stack of its own, so the keeper does not wait: a child that hangs
// in open or exec, on a slow filesystem say, blocks nobody else. That exec has
// happened is told by a pipe of which the child has the only other end, which
// is close-on-exec; a failure by a ChildFailure in the memory that both share.
#ifndef SUPERVISOR_KEEPER_PROGRAM_SPAWN_H_
#define SUPERVISOR_KEEPER_PROGRAM_SPAWN_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/program/child.h"
#include "supervisor/keeper/program/strict_log.h"
#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

// Stacks for children, mapped with a guard page. A few are kept; a burst's are
// given back to the system.
class StackPool {
 public:
  StackPool() = default;
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  // The lowest address, or null (errno is set).
  void* Take();
  void Return(void* stack);

 private:
  std::vector<void*> free_;
};

// One spawn under way. The child uses its memory until exec or its end, so it
// must live until the end of report() or until the child has been reaped.
class SpawnJob {
 public:
  struct Result {
    pid_t pid = 0;  // 0 if it failed, at `stage` with `error`.
    OwnedFd pidfd;
    SpawnStage stage = SpawnStage::kRequest;
    int error = 0;
    // clone3 did not do; the child enters its cgroup by itself.
    bool clone_denied = false;
  };

  // With `share_descriptors` the child copies few of the keeper's; see
  // ChildPlan. CanShareDescriptors tells whether that works here.
  // `notify_address` outlives the job.
  SpawnJob(SpawnRequest request, std::vector<OwnedFd> listeners,
           StackPool* stacks, bool share_descriptors,
           const std::string& notify_address);
  ~SpawnJob();
  SpawnJob(const SpawnJob&) = delete;
  SpawnJob& operator=(const SpawnJob&) = delete;

  // Makes the process. `marker` is its entry in the environment; `cgroup_fd` is
  // the directory of the cgroup to be born in, or −1; borrowed.
  Result Start(std::string_view marker, pid_t keeper_pid, int cgroup_fd);

  // To be watched for changes (EPOLLET) of EPOLLERR, of which some mean
  // nothing: at each one it is to be asked whether it has executed.
  int report() const { return report_.get(); }
  // Whether the program has been executed, or the child killed before it.
  bool HasExecuted() const;
  // What went wrong instead. The child runs in our memory until it is reaped.
  std::optional<ChildFailure> Failure() const;
  // The child has descriptors of its own, or has been reaped.
  void CloseChildsEnds();
  // The reading end of the readiness pipe, if one was asked for.
  OwnedFd TakeReadiness() { return std::move(readiness_read_); }
  // What goes on with the output, if it comes through a pipe.
  std::optional<StrictLog> TakeLog();

 private:
  void BuildEnvironment(std::string_view marker);
  ChildPlan Plan(pid_t keeper_pid, int cgroup_fd);
  ChildProgress Progress() const;
  bool MayShareDescriptors(int cgroup_fd) const;

  SpawnRequest request_;
  std::vector<OwnedFd> listeners_;
  std::vector<int> listener_numbers_;
  std::vector<std::string> added_environment_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
  char* listen_pid_ = nullptr;
  OwnedFd report_, readiness_read_, readiness_write_;
  OwnedFd log_read_, log_write_;
  std::string report_path_;
  ChildPlan plan_;
  StackPool* const stacks_;
  void* stack_ = nullptr;
  const bool share_descriptors_;
  const std::string& notify_address_;
};

// To be asked once, when the keeper starts.
bool CanShareDescriptors();

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_SPAWN_H_
