// The rungs with cgroups (version 2): each service's processes live in a
// directory of their own, which none of them leaves by forking, a new session,
// or an empty environment. The kernel kills all of it at once, forks under way
// included, and tells when it is empty.
//
//   <the keeper's own cgroup>/espalier-<token>/<id>
//
// A service's directory stays, empty, until it is stopped: to make and remove
// one would cost more than all else that a restart does here.
//
// The keeper holds a lock on the instance's directory. One without its lock is
// what a keeper left behind that was killed together with its guard; the next
// keeper kills what still runs in it, and removes it.
#ifndef SUPERVISOR_KEEPER_PROGRAM_CGROUP_TREE_KILLER_H_
#define SUPERVISOR_KEEPER_PROGRAM_CGROUP_TREE_KILLER_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/program/orphan_watch.h"
#include "supervisor/keeper/program/own_cgroup.h"
#include "supervisor/keeper/program/poller.h"
#include "supervisor/keeper/program/tree_killer.h"

namespace espalier::keeper {

class CgroupTreeKiller : public TreeKiller {
 public:
  // Null if no cgroup can be made here, or this rung's file is missing; `*note`
  // then says why. `rung` is one of the cgroup rungs. The pointers are
  // borrowed.
  static std::unique_ptr<CgroupTreeKiller> Make(TreeRung rung,
                                                const std::string& token,
                                                Poller* poller,
                                                OrphanWatch* orphans,
                                                std::string* note);
  // Removes the directories. Nothing runs in them any more.
  ~CgroupTreeKiller() override;

  TreeRung rung() const override { return rung_; }
  bool Prepare(const SpawnRequest& request, int* cgroup_fd,
               const char** note) override;
  void MainStarted(uint32_t, pid_t) override { prepared_.Reset(); }
  void MainDead(pid_t) override {}
  void MainEnded(pid_t) override {}
  void Abandoned(uint32_t, uint64_t) override { prepared_.Reset(); }
  void Freeze(uint32_t id, uint64_t, pid_t, bool frozen) override;
  void Retire(uint32_t id) override;
  void Sweep(std::vector<Tree>& trees) override;
  std::optional<uint32_t> OnEvent(uint64_t key) override;
  bool OomKilled(uint32_t id, uint64_t generation) override;

 private:
  CgroupTreeKiller(TreeRung rung, std::string directory, OwnedFd lock,
                   Poller* poller, OrphanWatch* orphans);

  // Tries with a process of its own; errno says what is wrong otherwise.
  bool CanBeEntered() const;
  // Whether services' cgroups have the controllers of memory, processors and
  // tasks; asks for them the first time.
  bool HasControllers();
  // A file in the cgroup of a service, or its directory (""); none, and errno.
  OwnedFd Open(uint32_t id, const char* file, int flags) const;
  // False if the cgroup refuses. For what is done in a sweep that does not
  // matter: the next one looks again.
  bool Write(uint32_t id, const char* file, std::string_view text) const;
  // Opens the directory as prepared_; false, and errno, if there is none.
  bool MakeAndOpen(uint32_t id);
  void Limit(const SpawnRequest& request, const char** note);
  void Kill(uint32_t id) const;
  void SweepOne(Tree& tree);
  bool RemoveEmpty(const Tree& tree);

  const TreeRung rung_;
  const std::string directory_;
  OwnedFd lock_;  // The open directory_.
  Poller* const poller_;
  OrphanWatch* const orphans_;
  OwnedFd prepared_;                   // The directory of the latest spawn.
  std::vector<bool> made_;             // By id: its directory is there.
  std::map<uint32_t, OwnedFd> dying_;  // cgroup.events of trees not yet empty.
  // What was found out when a limit was first asked for.
  std::optional<bool> has_controllers_;
  // Cgroups have no controller of memory.
  bool no_memory_events_ = false;
  // By id: how many processes the kernel has killed for lack of memory so far.
  std::map<uint32_t, uint64_t> oom_kills_;
};

// The files of a cgroup that limit it, and what to write into them.
std::vector<std::pair<const char*, std::string>> LimitFiles(
    const TreeLimits& limits);

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_CGROUP_TREE_KILLER_H_
