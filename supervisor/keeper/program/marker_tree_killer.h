// The rung that needs nothing of the machine: ancestry, session and marker.
//
// While a main process lives, its tree is what descends from it. What it leaves
// behind is given to the keeper, a subreaper; whose it was is told by its
// marker (see service_marker.h), or by its session (the number of a main
// process stays reserved for as long as its session has members). An orphan
// that removed all three is recognised by none: it ends with the keeper, as
// everything does.
//
// A scan of /proc takes milliseconds, in which a process can fork and exit many
// times. So what is left behind is looked for in the kernel's list of our
// orphans as well, where each stands until we reap it: nothing gets past that.
#ifndef SUPERVISOR_KEEPER_PROGRAM_MARKER_TREE_KILLER_H_
#define SUPERVISOR_KEEPER_PROGRAM_MARKER_TREE_KILLER_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/program/orphan_watch.h"
#include "supervisor/keeper/program/poller.h"
#include "supervisor/keeper/program/process_scan.h"
#include "supervisor/keeper/program/tree_killer.h"

namespace espalier::keeper {

class MarkerTreeKiller : public TreeKiller {
 public:
  // The pointers are borrowed.
  MarkerTreeKiller(const ServiceMarker& marker, Poller* poller,
                   OrphanWatch* orphans);

  TreeRung rung() const override { return TreeRung::kMarker; }
  bool Prepare(const SpawnRequest& request, int*, const char** note) override;
  void MainStarted(uint32_t id, pid_t main_pid) override;
  void MainDead(pid_t main_pid) override;
  void MainEnded(pid_t main_pid) override;
  void Abandoned(uint32_t, uint64_t) override {}
  void Freeze(uint32_t id, uint64_t generation, pid_t main_pid,
              bool frozen) override;
  void Retire(uint32_t) override {}
  void Sweep(std::vector<Tree>& trees) override;
  std::optional<uint32_t> OnEvent(uint64_t key) override;
  bool OomKilled(uint32_t, uint64_t) override { return false; }

 private:
  // A process that has been killed and is awaited.
  struct Member {
    ProcessIdentity identity;
    OwnedFd pidfd;
    uint32_t tree = 0;
    uint64_t generation = 0;
  };
  // A tree with members; it is gone from here when it is empty.
  struct Dying {
    uint32_t members = 0;
    // Something was found in an earlier sweep: it may be forking.
    bool seen_before = false;
  };

  // Kills what one scan shows. Returns how many processes it had not known.
  size_t KillOnce(std::vector<Tree>& trees, int signal);
  // Kills what `trees` have left behind, until nothing of it is new.
  void KillOrphans(std::vector<Tree>& trees);
  // Which of `trees` a process belongs to; `branch` is the keeper's child
  // above.
  Tree* OwnerOf(const ProcessInfo& process, const ProcessInfo* branch,
                std::vector<Tree>& trees) const;
  Tree* FindByMain(pid_t pid) const;
  Tree* OwnerByTraces(const ProcessInfo& process,
                      std::vector<Tree>& trees) const;
  bool AddMember(const ProcessInfo& process, Tree& tree, int signal);
  void ForgetMembersOf(uint32_t tree);

  const ServiceMarker& marker_;
  Poller* const poller_;
  OrphanWatch* const orphans_;
  std::vector<pid_t> mains_;         // Not reaped; ordered.
  std::vector<Tree*> by_main_;       // Of the sweep under way, by main process.
  std::set<ProcessIdentity> known_;  // Of members_.
  std::map<uint64_t, Member> members_;
  std::map<uint32_t, Dying> dying_;
  uint64_t next_key_ = 1;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_MARKER_TREE_KILLER_H_
