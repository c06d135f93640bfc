// Runs another supervisor so that it can be measured like ours:
//
//   peer_runner STOP_SIGNAL PROGRAM ARGUMENT...
//
// On SIGTERM it sends STOP_SIGNAL to it, waits until it has ended, ends what it
// has left, and ends with 0 when nothing of it is there any more.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

namespace {

// What is left of it, having lost its parent, is a child of ours.
void EndOrphans() {
  const std::string path =
      "/proc/self/task/" + std::to_string(getpid()) + "/children";
  std::ifstream children(path);
  for (pid_t pid = 0; children >> pid;) kill(pid, SIGTERM);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int stop_signal = atoi(argv[1]);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGTERM);
  sigaddset(&watched, SIGCHLD);
  sigprocmask(SIG_BLOCK, &watched, nullptr);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t supervisor = -1;
  if (posix_spawnp(&supervisor, argv[2], nullptr, &attributes, argv + 2,
                   environ) != 0) {
    return 127;
  }
  bool stopping = false;
  bool ended = false;
  while (true) {
    int signal = 0;
    sigwait(&watched, &signal);
    if (signal == SIGTERM) {
      stopping = true;
      if (!ended) kill(supervisor, stop_signal);
    }
    for (pid_t pid; (pid = waitpid(-1, nullptr, WNOHANG)) != 0;) {
      if (pid < 0 && errno == ECHILD) return stopping ? 0 : 1;
      if (pid != supervisor) continue;
      ended = true;
      // Of its own accord: whoever measures is told.
      if (!stopping) return 1;
      EndOrphans();
    }
  }
}
