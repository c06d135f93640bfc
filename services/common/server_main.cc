#include "services/common/server_main.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"

namespace espalier {
int ExitCode(absl::string_view name, const absl::Status& status) {
  if (status.ok()) return 0;
  const std::string line = absl::StrCat(name, ": ", status.message(), "\n");
  fputs(line.c_str(), stderr);
  return absl::IsInvalidArgument(status) ? kPermanentFailure : 1;
}

int TerminationFd() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) {
    perror("cannot watch for SIGTERM");
    abort();
  }
  return fd;
}

void ConsumeTermination(int fd) {
  signalfd_siginfo info;
  while (read(fd, &info, sizeof(info)) == sizeof(info)) continue;
}

}  // namespace espalier
