#include "supervisor/keeper/program/marker_tree_killer.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace espalier::keeper {
namespace {

constexpr int kMaxStopRounds = 64;

// Each takes some ten microseconds, in which hardly anything forks and exits.
constexpr int kMaxOrphanRounds = 64;

// `trees` are in the order of their ids.
Tree* FindTree(std::vector<Tree>& trees, ServiceRun run) {
  const auto it =
      std::lower_bound(trees.begin(), trees.end(), run.id,
                       [](const Tree& t, uint32_t n) { return t.id < n; });
  const bool found = it != trees.end() && RunOf(it->id, it->generation) == run;
  return found ? &*it : nullptr;
}

}  // namespace

MarkerTreeKiller::MarkerTreeKiller(const ServiceMarker& marker, Poller* poller,
                                   OrphanWatch* orphans)
    : marker_(marker), poller_(poller), orphans_(orphans) {}

void MarkerTreeKiller::MainStarted(uint32_t, pid_t main_pid) {
  // Numbers mostly grow, so this mostly is an append.
  mains_.insert(std::upper_bound(mains_.begin(), mains_.end(), main_pid),
                main_pid);
}

// Its process group, in one moment: none of it can fork any more.
void MarkerTreeKiller::MainDead(pid_t main_pid) { kill(-main_pid, SIGKILL); }

void MarkerTreeKiller::MainEnded(pid_t main_pid) {
  const auto it = std::lower_bound(mains_.begin(), mains_.end(), main_pid);
  if (it != mains_.end() && *it == main_pid) mains_.erase(it);
}

void MarkerTreeKiller::Sweep(std::vector<Tree>& trees) {
  // If no orphan is left at all, then none of a tree whose main process is
  // gone.
  const bool orphans = orphans_->ReapAndCheck();
  bool scan = orphans;
  bool suspicious = false;
  for (Tree& tree : trees) {
    scan |= tree.main_pidfd >= 0;
    const auto it = dying_.find(tree.id);
    suspicious |= it != dying_.end() && it->second.seen_before;
  }
  if (scan && !suspicious) {
    KillOnce(trees, SIGKILL);
  } else if (scan) {
    // Something came after what was killed: it may be forking. What is stopped
    // cannot, and keeps its place under a limit of processes, so this
    // converges.
    for (int i = 0; i < kMaxStopRounds && KillOnce(trees, SIGSTOP) > 0; ++i) {
    }
    for (auto& [key, member] : members_) {
      if (FindTree(trees, RunOf(member.tree, member.generation)) != nullptr) {
        SignalPidfd(member.pidfd.get(), SIGKILL);
      }
    }
  }
  if (orphans) KillOrphans(trees);
  for (Tree& tree : trees) {
    const auto it = dying_.find(tree.id);
    const bool members = it != dying_.end() && it->second.members > 0;
    tree.empty =
        tree.main_pidfd < 0 && (!orphans || (!members && !tree.unwatched));
    if (it == dying_.end()) continue;
    it->second.seen_before = true;
    if (!tree.empty) continue;
    if (members) ForgetMembersOf(tree.id);
    dying_.erase(tree.id);
  }
}

size_t MarkerTreeKiller::KillOnce(std::vector<Tree>& trees, int signal) {
  by_main_.clear();
  for (Tree& tree : trees) by_main_.push_back(&tree);
  std::sort(by_main_.begin(), by_main_.end(),
            [](Tree* a, Tree* b) { return a->main_pid < b->main_pid; });
  const std::vector<ProcessInfo> processes = ScanProcesses();
  const std::vector<pid_t> branches = BranchesOf(getpid(), processes);
  // First the main processes, which might start others in place of the dead.
  // Their descendants are already known.
  for (const Tree& tree : trees) {
    if (tree.main_pidfd < 0) continue;
    SignalPidfd(tree.main_pidfd, SIGKILL);
    kill(-tree.main_pid, SIGKILL);
  }
  size_t fresh = 0;
  for (size_t i = 0; i < processes.size(); ++i) {
    const ProcessInfo& process = processes[i];
    if (branches[i] == 0 || process.dead()) continue;
    if (std::binary_search(mains_.begin(), mains_.end(),
                           process.identity.pid)) {
      continue;
    }
    const auto branch = std::lower_bound(
        processes.begin(), processes.end(), branches[i],
        [](const ProcessInfo& p, pid_t n) { return p.identity.pid < n; });
    Tree* tree = OwnerOf(process, &*branch, trees);
    if (tree != nullptr && AddMember(process, *tree, signal)) ++fresh;
  }
  return fresh;
}

Tree* MarkerTreeKiller::OwnerOf(const ProcessInfo& process,
                                const ProcessInfo* branch,
                                std::vector<Tree>& trees) const {
  const pid_t top = branch->identity.pid;
  if (std::binary_search(mains_.begin(), mains_.end(), top)) {
    return FindByMain(top);
  }
  if (Tree* tree = OwnerByTraces(*branch, trees)) return tree;
  return top == process.identity.pid ? nullptr : OwnerByTraces(process, trees);
}

Tree* MarkerTreeKiller::FindByMain(pid_t pid) const {
  const auto it =
      std::lower_bound(by_main_.begin(), by_main_.end(), pid,
                       [](const Tree* t, pid_t n) { return t->main_pid < n; });
  return it != by_main_.end() && (*it)->main_pid == pid ? *it : nullptr;
}

Tree* MarkerTreeKiller::OwnerByTraces(const ProcessInfo& process,
                                      std::vector<Tree>& trees) const {
  if (const auto run = marker_.Find(process.identity.pid)) {
    if (Tree* tree = FindTree(trees, *run)) return tree;
  }
  return FindByMain(process.session);
}

void MarkerTreeKiller::KillOrphans(std::vector<Tree>& trees) {
  for (int round = 0; round < kMaxOrphanRounds; ++round) {
    bool fresh = false;
    for (const pid_t pid : orphans_->List()) {
      const auto process = ReadProcess(pid);
      if (!process.has_value()) continue;
      Tree* tree = OwnerByTraces(*process, trees);
      if (tree == nullptr) continue;
      // One that is dead may have left another one, which came after the list.
      fresh |= process->dead() || AddMember(*process, *tree, SIGKILL);
    }
    if (!fresh) return;
    orphans_->ReapAndCheck();
  }
}

bool MarkerTreeKiller::AddMember(const ProcessInfo& process, Tree& tree,
                                 int signal) {
  if (known_.contains(process.identity)) return false;
  OwnedFd pidfd = OpenProcess(process.identity);
  if (!pidfd) {
    // It is gone already; or there is no descriptor to be had, and then there
    // will be after the next death.
    tree.unwatched |= ReadProcess(process.identity.pid).has_value();
    return false;
  }
  SignalPidfd(pidfd.get(), signal);
  const uint64_t key = next_key_++;
  if (!poller_->Add(pidfd.get(), Source::kTree, key)) {
    SignalPidfd(pidfd.get(), SIGKILL);
    tree.unwatched = true;
    return false;
  }
  known_.insert(process.identity);
  members_[key] = Member{.identity = process.identity,
                         .pidfd = std::move(pidfd),
                         .tree = tree.id,
                         .generation = tree.generation};
  ++dying_[tree.id].members;
  return true;
}

std::optional<uint32_t> MarkerTreeKiller::OnEvent(uint64_t key) {
  const auto it = members_.find(key);
  if (it == members_.end()) return std::nullopt;
  const uint32_t id = it->second.tree;
  poller_->Close(&it->second.pidfd);
  known_.erase(it->second.identity);
  members_.erase(it);
  const auto dying = dying_.find(id);
  if (dying == dying_.end() || --dying->second.members > 0) return std::nullopt;
  return id;
}

void MarkerTreeKiller::ForgetMembersOf(uint32_t tree) {
  for (auto it = members_.begin(); it != members_.end();) {
    if (it->second.tree == tree) {
      poller_->Close(&it->second.pidfd);
      known_.erase(it->second.identity);
      it = members_.erase(it);
    } else {
      ++it;
    }
  }
}

bool MarkerTreeKiller::Prepare(const SpawnRequest& request, int*,
                               const char** note) {
  if (request.tree != TreeLimits{}) {
    *note =
        "limits of memory, processors and tasks are not in force: no cgroup "
        "can be made here";
  }
  return true;
}

void MarkerTreeKiller::Freeze(uint32_t id, uint64_t generation, pid_t main_pid,
                              bool frozen) {
  const int signal = frozen ? SIGSTOP : SIGCONT;
  const std::vector<ProcessInfo> processes = ScanProcesses();
  const std::vector<pid_t> branches = BranchesOf(getpid(), processes);
  const ServiceRun run = RunOf(id, generation);
  for (size_t i = 0; i < processes.size(); ++i) {
    if (branches[i] == 0 || processes[i].dead()) continue;
    const bool is_orphans =
        !std::binary_search(mains_.begin(), mains_.end(), branches[i]);
    if (branches[i] == main_pid ||
        (is_orphans && marker_.Find(processes[i].identity.pid) == run)) {
      SignalProcess(processes[i].identity, signal);
    }
  }
}

}  // namespace espalier::keeper
