// TreeKiller: finds and kills what belongs to a service. One implementation per
// rung of the ladder; the keeper drives whichever is in force.
//
// All work is done in sweeps, one for all trees that need it in a turn of the
// loop: a thousand deaths at once cost one look at the machine, not a thousand.
#ifndef SUPERVISOR_KEEPER_PROGRAM_TREE_KILLER_H_
#define SUPERVISOR_KEEPER_PROGRAM_TREE_KILLER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/keeper/program/orphan_watch.h"
#include "supervisor/keeper/program/poller.h"
#include "supervisor/keeper/program/service_marker.h"
#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {

// A tree that has to end.
struct Tree {
  uint32_t id = 0;
  uint64_t generation = 0;
  pid_t main_pid = 0;
  int main_pidfd = -1;   // −1 once the main process has been reaped.
  bool stopped = false;  // On purpose: no run follows at once. See Retire().
  // Set by Sweep:
  bool empty = false;
  bool unwatched = false;
};

class TreeKiller {
 public:
  virtual ~TreeKiller() = default;

  virtual TreeRung rung() const = 0;

  // Before a spawn: the open directory of the cgroup to be born in, or −1.
  // It stays the killer's. False if that cannot be made (errno is set). If the
  // limits that are asked for cannot be kept, `*note` says why.
  virtual bool Prepare(const SpawnRequest& request, int* cgroup_fd,
                       const char** note) = 0;
  // After the clone.
  virtual void MainStarted(uint32_t id, pid_t main_pid) = 0;
  // The main process is dead, but has not been reaped, so that its number is
  // still its own. Not called if another process takes over.
  virtual void MainDead(pid_t main_pid) = 0;
  // After the main process has been reaped; its number may be used again.
  virtual void MainEnded(pid_t main_pid) = 0;
  // No Sweep will come: the clone failed, or what was cloned ended before exec.
  virtual void Abandoned(uint32_t id, uint64_t generation) = 0;

  // Stops every process of the tree where it is, or lets them go on.
  virtual void Freeze(uint32_t id, uint64_t generation, pid_t main_pid,
                      bool frozen) = 0;
  // Nothing of the service runs, and it was stopped on purpose: what is kept
  // for its next run may go, before the end when there is much else to do.
  virtual void Retire(uint32_t id) = 0;

  // `trees` in the order of their ids. Kills every process of each tree, the
  // main process too, and sets `empty` for those of which nothing was left to
  // kill and whose main process has been reaped; they are then forgotten. The
  // others have to be swept again when their main process has been reaped, when
  // OnEvent says so, or, if they are `unwatched`, after the next SIGCHLD.
  virtual void Sweep(std::vector<Tree>& trees) = 0;

  // An event of the poller with Source::kTree. Returns the id of the tree that
  // should be swept again, if any.
  virtual std::optional<uint32_t> OnEvent(uint64_t key) = 0;

  // Whether the kernel killed a process of this service for lack of memory.
  virtual bool OomKilled(uint32_t id, uint64_t generation) = 0;
};

// The best rung that works here, or only `forced`; null if that one does not.
// `*note` then says why the better ones do not. The arguments outlive it.
std::unique_ptr<TreeKiller> MakeTreeKiller(std::optional<TreeRung> forced,
                                           const ServiceMarker& marker,
                                           Poller* poller, OrphanWatch* orphans,
                                           std::string* note);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_TREE_KILLER_H_
