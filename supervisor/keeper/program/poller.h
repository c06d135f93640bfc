// Poller: epoll, with a source and a key for each descriptor.
#ifndef SUPERVISOR_KEEPER_PROGRAM_POLLER_H_
#define SUPERVISOR_KEEPER_PROGRAM_POLLER_H_

#include <sys/epoll.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "supervisor/keeper/owned_fd.h"

namespace espalier::keeper {

// Who an event is for.
enum class Source : uint8_t {
  kSocket,
  kEnvironment,
  kSignals,
  kMainProcess,
  kExecReport,
  kReadiness,
  kTree,
  kLogs,
  kNotify,
};

struct PollEvent {
  Source source;
  uint64_t key;    // 56 bits, as given to Add.
  uint32_t ready;  // EPOLLIN, …
};

class Poller {
 public:
  Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

  bool Add(int fd, Source source, uint64_t key, uint32_t interest = EPOLLIN) {
    return Control(EPOLL_CTL_ADD, fd, source, key, interest);
  }
  void Change(int fd, Source source, uint64_t key, uint32_t interest) {
    Control(EPOLL_CTL_MOD, fd, source, key, interest);
  }

  // Always before a close: a child between clone and exec may hold a copy of
  // the descriptor for a moment, which would keep its item here alive, to fire
  // later for a number that means something else by then.
  void Close(OwnedFd* fd) {
    if (!*fd) return;
    Forget(fd->get());
    fd->Reset();
  }
  // Watches it no longer; whoever owns it closes it.
  void Forget(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

  // Events, at most what `buffer` holds; none on a signal or after `timeout_ms`
  // (−1: never).
  std::span<const epoll_event> Wait(std::span<epoll_event> buffer,
                                    int timeout_ms) {
    const int n = epoll_wait(epoll_.get(), buffer.data(),
                             static_cast<int>(buffer.size()), timeout_ms);
    // Who cannot see any more must not go on: the guard above ends what the
    // keeper leaves.
    if (n < 0 && errno != EINTR) std::abort();
    return buffer.first(n > 0 ? static_cast<size_t>(n) : 0);
  }

  static PollEvent Decode(const epoll_event& event) {
    return {.source = static_cast<Source>(event.data.u64 >> kKeyBits),
            .key = event.data.u64 & ((uint64_t{1} << kKeyBits) - 1),
            .ready = event.events};
  }

 private:
  static constexpr int kKeyBits = 56;

  bool Control(int operation, int fd, Source source, uint64_t key,
               uint32_t interest) {
    epoll_event event = {};
    event.events = interest;
    event.data.u64 = static_cast<uint64_t>(source) << kKeyBits | key;
    return epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
  }

  OwnedFd epoll_;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_POLLER_H_
