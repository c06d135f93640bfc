#include "supervisor/testing/tracer.h"

#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "glog/logging.h"

namespace espalier {

Tracer::Tracer(pid_t pid)
    : traced_pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
  PCHECK(traced_pidfd_ >= 0);
  int begun[2];
  PCHECK(pipe(begun) == 0);
  pid_ = fork();
  PCHECK(pid_ >= 0);
  if (pid_ == 0) {
    const char done = ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0 ? 1 : 0;
    if (write(begun[1], &done, 1) != 1) _exit(1);
    while (true) pause();
  }
  char done = 0;
  PCHECK(read(begun[0], &done, 1) == 1);
  CHECK_EQ(done, 1) << "process " << pid << " may not be traced";
  close(begun[0]);
  close(begun[1]);
}

Tracer::~Tracer() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  close(traced_pidfd_);
}

void Tracer::AwaitDeath() const {
  pollfd entry{.fd = traced_pidfd_, .events = POLLIN, .revents = 0};
  PCHECK(poll(&entry, 1, -1) == 1);
}

}  // namespace espalier
