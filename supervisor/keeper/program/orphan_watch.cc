#include "supervisor/keeper/program/orphan_watch.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "supervisor/keeper/program/process_scan.h"

namespace espalier::keeper {
namespace {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

void SleepWhile(std::atomic<uint32_t>& word, uint32_t value) {
  while (word.load(std::memory_order_acquire) == value) {
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
  }
}

void Set(std::atomic<uint32_t>& word, uint32_t value) {
  word.store(value, std::memory_order_release);
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

constexpr int kOrphans = WEXITED | WNOHANG | __WNOTHREAD | __WALL;

// The next orphan that is dead, 0 if all live, or −1 if there are none.
pid_t NextDead(int options) {
  for (;;) {
    siginfo_t info = {};
    if (waitid(P_ALL, 0, &info, options) == 0) return info.si_pid;
    if (errno != EINTR) return -1;
  }
}

}  // namespace

bool OrphanWatch::ReapOrphans() {
  for (;;) {
    if (any_kept_.load(std::memory_order_acquire)) {
      const pid_t dead = NextDead(kOrphans | WNOWAIT);
      if (dead > 0 && IsKept(dead)) return true;
    }
    const pid_t reaped = NextDead(kOrphans);
    if (reaped <= 0) return reaped == 0;
  }
}

bool OrphanWatch::IsKept(pid_t pid) {
  const std::lock_guard lock(mutex_);
  return std::find(kept_.begin(), kept_.end(), pid) != kept_.end();
}

std::vector<pid_t> OrphanWatch::List() { return ChildrenOf(getpid()); }

void OrphanWatch::Keep(pid_t pid) {
  const std::lock_guard lock(mutex_);
  kept_.push_back(pid);
  any_kept_.store(true, std::memory_order_release);
}

void OrphanWatch::Release(pid_t pid) {
  const std::lock_guard lock(mutex_);
  std::erase(kept_, pid);
  any_kept_.store(!kept_.empty(), std::memory_order_release);
}

void OrphanWatch::ServeOnLeadingThread() {
  for (uint32_t done = 0;;) {
    SleepWhile(asked_, done);
    done = asked_.load(std::memory_order_acquire);
    any_left_.store(ReapOrphans(), std::memory_order_relaxed);
    Set(answered_, done);
  }
}

OrphanWatch::OrphanWatch() : children_(OpenChildrenOf(getpid())) {}

bool OrphanWatch::MayHaveOrphans() const {
  char first;
  return pread(children_.get(), &first, 1, 0) != 0;
}

void OrphanWatch::Ask() {
  Set(asked_, asked_.load(std::memory_order_relaxed) + 1);
}

void OrphanWatch::Reap() {
  if (MayHaveOrphans()) Ask();
}

bool OrphanWatch::ReapAndCheck() {
  if (!MayHaveOrphans()) return false;
  Ask();
  const uint32_t asked = asked_.load(std::memory_order_relaxed);
  uint32_t answered;
  while ((answered = answered_.load(std::memory_order_acquire)) != asked) {
    SleepWhile(answered_, answered);
  }
  return any_left_.load(std::memory_order_relaxed);
}

}  // namespace espalier::keeper
