#include "supervisor/keeper/program/cgroup_tree_killer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "supervisor/keeper/program/clone_into.h"
#include "supervisor/keeper/program/process_scan.h"
#include "supervisor/keeper/program/raw_syscall.h"
#include "supervisor/keeper/program/small_text.h"

namespace espalier::keeper {
namespace {

constexpr std::string_view kPrefix = "espalier-";
// Rounds of the freezing rung: a fork that was under way ends up frozen, too.
constexpr int kFreezeRounds = 3;
constexpr int kMakeRounds = 100;

bool Write(const std::string& path, std::string_view text) {
  const OwnedFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && write(file.get(), text.data(), text.size()) ==
                     static_cast<ssize_t>(text.size());
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

bool IsPopulated(std::string_view events) {
  return events.find("populated 1") != std::string_view::npos;
}

// With the cgroups that a service may have made in its own. They are empty.
void Remove(const std::string& directory) {
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return;
  if (DIR* dir = opendir(directory.c_str())) {
    while (const dirent* entry = readdir(dir)) {
      if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
        Remove(directory + "/" + entry->d_name);
      }
    }
    closedir(dir);
  }
  rmdir(directory.c_str());
}

// A cgroup in which others have been made.
bool HasInner(const OwnedFd& directory) {
  constexpr nlink_t kOfAnEmptyOne = 2;
  struct stat status;
  return fstat(directory.get(), &status) == 0 &&
         status.st_nlink > kOfAnEmptyOne;
}

// `wait` is LOCK_NB not to wait for the lock, or 0.
OwnedFd OpenAndLock(const std::string& directory, int wait) {
  OwnedFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && flock(fd.get(), LOCK_EX | wait) != 0) fd.Reset();
  return fd;
}

// A new directory, locked. Another keeper that is starting may take it for one
// left behind in the moment before it is locked, and remove it: hence the
// rounds.
OwnedFd MakeAndLock(const std::string& directory) {
  for (int round = 0; round < kMakeRounds; ++round) {
    if (mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) break;
    OwnedFd lock = OpenAndLock(directory, 0);
    if (lock && Exists(directory + "/cgroup.procs")) return lock;
  }
  return OwnedFd();
}

// What keepers left behind that did not come to an orderly end. What is killed
// here is still dying when this returns; the keeper after the next removes it.
void ClearStale(const std::string& own) {
  DIR* dir = opendir(own.c_str());
  if (dir == nullptr) return;
  while (const dirent* entry = readdir(dir)) {
    if (!std::string_view(entry->d_name).starts_with(kPrefix)) continue;
    const std::string stale = own + "/" + entry->d_name;
    const OwnedFd lock = OpenAndLock(stale, LOCK_NB);
    if (!lock) continue;
    Write(stale + "/cgroup.kill", "1");
    Remove(stale);
  }
  closedir(dir);
}

std::string Failure(const char* what, const std::string& directory) {
  return std::string(what) + " " + directory + ": " + std::strerror(errno);
}

}  // namespace

std::vector<std::pair<const char*, std::string>> LimitFiles(
    const TreeLimits& limits) {
  std::vector<std::pair<const char*, std::string>> files;
  if (limits.memory_bytes != 0) {
    files.emplace_back("memory.max", Decimal(limits.memory_bytes));
  }
  if (limits.cpu_us != 0) {
    files.emplace_back("cpu.max", Decimal(limits.cpu_us) + " 100000");
  }
  if (limits.tasks != 0) {
    files.emplace_back("pids.max", Decimal(limits.tasks));
  }
  return files;
}

std::unique_ptr<CgroupTreeKiller> CgroupTreeKiller::Make(
    TreeRung rung, const std::string& token, Poller* poller,
    OrphanWatch* orphans, std::string* note) {
  const auto own = OwnCgroupDirectory(ReadFile("/proc/self/mountinfo"),
                                      ReadFile("/proc/self/cgroup"));
  if (!own.has_value()) {
    *note = "no cgroup file system of version 2 is mounted";
    return nullptr;
  }
  ClearStale(*own);
  const std::string directory = *own + "/" + std::string(kPrefix) + token;
  OwnedFd lock = MakeAndLock(directory);
  if (!lock) {
    *note = Failure("no cgroup can be made: mkdir", directory);
    return nullptr;
  }
  const char* needed =
      rung == TreeRung::kCgroupKill ? "/cgroup.kill" : "/cgroup.freeze";
  if (!Exists(directory + needed)) {
    *note = Failure("cgroups are of no use here: opening", directory + needed);
    rmdir(directory.c_str());
    return nullptr;
  }
  auto killer = std::unique_ptr<CgroupTreeKiller>(
      new CgroupTreeKiller(rung, directory, std::move(lock), poller, orphans));
  // Making a directory does not mean that processes may be put into it.
  if (!killer->CanBeEntered()) {
    *note = Failure("no process can be put into the cgroup", directory);
    return nullptr;
  }
  return killer;
}

CgroupTreeKiller::CgroupTreeKiller(TreeRung rung, std::string directory,
                                   OwnedFd lock, Poller* poller,
                                   OrphanWatch* orphans)
    : rung_(rung),
      directory_(std::move(directory)),
      lock_(std::move(lock)),
      poller_(poller),
      orphans_(orphans) {}

CgroupTreeKiller::~CgroupTreeKiller() { Remove(directory_); }

bool CgroupTreeKiller::CanBeEntered() const {
  // Born there if possible: to move a process takes the kernel some 10 ms.
  int pidfd = -1;
  std::array<char, 16 << 10> stack;
  const pid_t born = CloneIntoCgroup(
      [](void*) -> int {
        for (;;) RawSyscall(SYS_exit_group, 0);
      },
      nullptr, stack.data(), stack.size(), 0, lock_.get(), &pidfd);
  const OwnedFd closed(born > 0 ? pidfd : -1);
  const pid_t probe = born > 0 ? born : fork();
  if (probe == 0) {
    _exit(espalier::keeper::Write(directory_ + "/cgroup.procs", "0") ? 0
                                                                     : errno);
  }
  int status = 0;
  if (probe < 0 || waitpid(probe, &status, 0) != probe) return false;
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
  return errno == 0;
}

OwnedFd CgroupTreeKiller::Open(uint32_t id, const char* file, int flags) const {
  char path[64];
  std::snprintf(path, sizeof path, "%u/%s", id, file);
  return OwnedFd(openat(lock_.get(), path, flags | O_CLOEXEC));
}

bool CgroupTreeKiller::Write(uint32_t id, const char* file,
                             std::string_view text) const {
  const OwnedFd fd = Open(id, file, O_WRONLY);
  return fd && write(fd.get(), text.data(), text.size()) ==
                   static_cast<ssize_t>(text.size());
}

bool CgroupTreeKiller::HasControllers() {
  if (has_controllers_.has_value()) return *has_controllers_;
  const std::string own = directory_.substr(0, directory_.rfind('/'));
  for (const std::string& at : {own, directory_}) {
    for (const char* controller : {"+memory", "+cpu", "+pids"}) {
      // One at a time: those that there are.
      espalier::keeper::Write(at + "/cgroup.subtree_control", controller);
    }
  }
  no_memory_events_ = false;
  const std::string granted = ReadFile(directory_ + "/cgroup.subtree_control");
  has_controllers_ = true;
  for (const char* controller : {"memory", "cpu", "pids"}) {
    *has_controllers_ &= granted.find(controller) != std::string::npos;
  }
  return *has_controllers_;
}

bool CgroupTreeKiller::MakeAndOpen(uint32_t id) {
  if (id >= made_.size()) made_.resize(id + 1);
  if (!made_[id]) {
    if (mkdirat(lock_.get(), Decimal(id).c_str(), 0755) != 0 && errno != EEXIST)
      return false;
    made_[id] = true;
  }
  prepared_ = Open(id, "", O_RDONLY | O_DIRECTORY);
  return static_cast<bool>(prepared_);
}

bool CgroupTreeKiller::Prepare(const SpawnRequest& request, int* cgroup_fd,
                               const char** note) {
  if (!MakeAndOpen(request.id)) return false;
  if (HasInner(prepared_)) {
    // Made by an earlier run for its own children. If that passed controllers
    // on to them, no process may be in the cgroup above.
    prepared_.Reset();
    Retire(request.id);
    if (!MakeAndOpen(request.id)) return false;
  }
  *cgroup_fd = prepared_.get();
  if (request.tree != TreeLimits{}) Limit(request, note);
  return true;
}

void CgroupTreeKiller::Limit(const SpawnRequest& request, const char** note) {
  if (!HasControllers()) {
    *note =
        "limits of memory, processors and tasks are not in force: this "
        "process's cgroup does not pass the controllers on (with systemd: "
        "systemd-run --scope -p Delegate=yes, and processes in leaves only)";
    return;
  }
  for (const auto& [file, text] : LimitFiles(request.tree)) {
    if (!Write(request.id, file, text)) {
      *note =
          "the kernel refuses a limit of memory, processors or tasks, which is "
          "not in force";
    }
  }
}

void CgroupTreeKiller::Kill(uint32_t id) const {
  // What is frozen cannot fork, and dies of SIGKILL all the same. cgroup.kill
  // prevents forks as well, but spares (seen with Linux 6.18) a process whose
  // leading thread has ended.
  const bool kill = rung_ == TreeRung::kCgroupKill;
  Write(id, kill ? "cgroup.kill" : "cgroup.freeze", "1");
  for (int round = 0; round < (kill ? 1 : kFreezeRounds); ++round) {
    const std::string procs = ReadAll(Open(id, "cgroup.procs", O_RDONLY));
    std::string_view rest = procs;
    while (!rest.empty()) {
      std::string_view line = TakePiece(&rest, '\n');
      pid_t pid = 0;
      if (!TakeNumber(&line, &pid) || pid == 0) continue;
      if (const auto process = ReadProcess(pid)) {
        SignalProcess(process->identity, SIGKILL);
      }
    }
  }
}

void CgroupTreeKiller::Sweep(std::vector<Tree>& trees) {
  for (Tree& tree : trees) SweepOne(tree);
}

// The kernel removes no cgroup in which anything runs, so this tells as well
// that the tree is empty, in one call instead of three.
bool CgroupTreeKiller::RemoveEmpty(const Tree& tree) {
  if (!tree.stopped || tree.main_pidfd >= 0 || dying_.contains(tree.id) ||
      unlinkat(lock_.get(), Decimal(tree.id).c_str(), AT_REMOVEDIR) != 0) {
    return false;
  }
  made_[tree.id] = false;
  oom_kills_.erase(tree.id);
  return true;
}

void CgroupTreeKiller::SweepOne(Tree& tree) {
  tree.empty = RemoveEmpty(tree);
  if (tree.empty) return;
  OwnedFd& events = dying_[tree.id];
  bool watched = static_cast<bool>(events);
  if (!watched) events = Open(tree.id, "cgroup.events", O_RDONLY);
  const bool populated = events && IsPopulated(ReadAll(events));
  if (populated) {
    Kill(tree.id);
    // Watched first and read again then, no change is missed.
    watched =
        watched || poller_->Add(events.get(), Source::kTree, tree.id, EPOLLPRI);
    tree.unwatched = !watched;
  }
  // It may not have got into the cgroup yet, or have left it.
  if (tree.main_pidfd >= 0) SignalPidfd(tree.main_pidfd, SIGKILL);
  tree.empty = tree.main_pidfd < 0 && events &&
               (!populated || !IsPopulated(ReadAll(events)));
  if (!tree.empty) {
    // Out of descriptors: after the next death there will be some.
    if (!events) tree.unwatched = true;
    if (!watched) dying_.erase(tree.id);
    return;
  }
  if (watched) {
    poller_->Forget(events.get());
    // What had been left behind was killed and is ours to reap: it must not be
    // there any more, not even as a number, when this is told.
    orphans_->ReapAndCheck();
  }
  dying_.erase(tree.id);
  // Linux (seen with 6.18) kills whoever is born into a cgroup that has once
  // been killed, so the next run gets a new one.
  if (watched || populated) {
    Retire(tree.id);
  }
}

void CgroupTreeKiller::Freeze(uint32_t id, uint64_t, pid_t, bool frozen) {
  Write(id, "cgroup.freeze", frozen ? "1" : "0");
}

void CgroupTreeKiller::Retire(uint32_t id) {
  if (id >= made_.size() || !made_[id]) return;
  Remove(directory_ + "/" + Decimal(id));
  made_[id] = false;
  oom_kills_.erase(id);
}

std::optional<uint32_t> CgroupTreeKiller::OnEvent(uint64_t key) {
  const uint32_t id = static_cast<uint32_t>(key);
  const auto it = dying_.find(id);
  if (it == dying_.end()) return std::nullopt;
  // Reading is what ends the readiness; a sweep will read again.
  if (IsPopulated(ReadAll(it->second))) return std::nullopt;
  return id;
}

bool CgroupTreeKiller::OomKilled(uint32_t id, uint64_t) {
  if (no_memory_events_) return false;
  const OwnedFd file = Open(id, "memory.events", O_RDONLY);
  if (!file) {
    no_memory_events_ = errno == ENOENT;
    return false;
  }
  const uint64_t kills = OomKills(ReadAll(file));
  // Of all runs together.
  return std::exchange(oom_kills_[id], kills) < kills;
}

}  // namespace espalier::keeper
