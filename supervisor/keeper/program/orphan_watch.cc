#include "supervisor/keeper/program/orphan_watch.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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

bool ReapOrphans() {
  for (;;) {
    siginfo_t info = {};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WNOTHREAD | __WALL) !=
        0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (info.si_pid == 0) return true;
  }
}

}  // namespace

void OrphanWatch::ServeOnLeadingThread() {
  for (uint32_t done = 0;;) {
    SleepWhile(asked_, done);
    done = asked_.load(std::memory_order_acquire);
    any_left_.store(ReapOrphans(), std::memory_order_relaxed);
    Set(answered_, done);
  }
}

void OrphanWatch::Reap() {
  Set(asked_, asked_.load(std::memory_order_relaxed) + 1);
}

bool OrphanWatch::ReapAndCheck() {
  Reap();
  const uint32_t asked = asked_.load(std::memory_order_relaxed);
  uint32_t answered;
  while ((answered = answered_.load(std::memory_order_acquire)) != asked) {
    SleepWhile(answered_, answered);
  }
  return any_left_.load(std::memory_order_relaxed);
}

}  // namespace espalier::keeper
