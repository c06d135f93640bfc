// The floor: as little as can be done to run a number of processes and to start
// each again at once when it dies. posix_spawn, a pidfd for each, one epoll
// loop; no logs, no trees, no readiness, no limits, no names.
//
//   floor SERVICES PROGRAM LEDGER
//
// Ends what it started on SIGTERM, and itself when all of it is gone.
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr uint32_t kSignals = UINT32_MAX;

struct Child {
  pid_t pid = 0;
  int pidfd = -1;
};

class Floor {
 public:
  Floor(uint32_t services, char* program, char* ledger)
      : children_(services),
        program_(program),
        ledger_(ledger),
        count_(std::to_string(services)) {}

  int Run() {
    WatchSignals();
    for (uint32_t i = 0; i < children_.size(); ++i) Start(i);
    epoll_event events[128];
    while (!ending_ || alive_ > 0) {
      const int n = epoll_wait(epoll_, events, 128, -1);
      for (int i = 0; i < n; ++i) {
        if (events[i].data.u32 == kSignals) {
          End();
        } else {
          Reap(events[i].data.u32);
        }
      }
    }
    return 0;
  }

 private:
  void WatchSignals() {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, nullptr);
    Watch(signalfd(-1, &term, SFD_CLOEXEC), kSignals);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }

  void Watch(int fd, uint32_t key) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u32 = key;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) abort();
  }

  void Start(uint32_t index) {
    std::string number = std::to_string(index);
    char* argv[] = {program_, ledger_, number.data(), count_.data(), nullptr};
    char* envp[] = {nullptr};
    Child& child = children_[index];
    if (posix_spawn(&child.pid, program_, nullptr, &attributes_, argv, envp) !=
        0) {
      abort();
    }
    child.pidfd = static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0));
    Watch(child.pidfd, index);
    ++alive_;
  }

  void Reap(uint32_t index) {
    Child& child = children_[index];
    siginfo_t info = {};
    if (waitid(P_PIDFD, static_cast<id_t>(child.pidfd), &info,
               WEXITED | WNOHANG) != 0 ||
        info.si_pid == 0) {
      return;
    }
    epoll_ctl(epoll_, EPOLL_CTL_DEL, child.pidfd, nullptr);
    close(child.pidfd);
    --alive_;
    if (!ending_) Start(index);
  }

  void End() {
    ending_ = true;
    for (const Child& child : children_) {
      syscall(SYS_pidfd_send_signal, child.pidfd, SIGTERM, nullptr, 0);
    }
  }

  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Child> children_;
  char* const program_;
  char* const ledger_;
  std::string count_;
  posix_spawnattr_t attributes_;
  uint32_t alive_ = 0;
  bool ending_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  Floor floor(static_cast<uint32_t>(atoi(argv[1])), argv[2], argv[3]);
  return floor.Run();
}
