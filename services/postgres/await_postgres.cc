// Ends with exit code 0 as soon as a PostgreSQL server takes queries.
//
//   await_postgres <data directory> <socket>
//
// The server writes its state into a file there, which is what pg_ctl waits for
// as well. From then on it answers whoever connects, and a question that comes
// at that very moment waits in the kernel for it. It is not asked anything: the
// first session of all takes it more than ten milliseconds, which would be the
// first client's.

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>

namespace {

using Clock = std::chrono::steady_clock;

// Should the file ever change without a word.
constexpr int kPauseMs = 100;
// Then it ends, and says why; it will be started again.
constexpr std::chrono::seconds kLimit(5);

// The process that says in postmaster.pid that it takes queries, or 0: its
// number is in the first line, its state in the eighth.
pid_t WhoSaysReady(const std::string& pid_file) {
  std::ifstream file(pid_file);
  pid_t pid = 0;
  std::string line;
  if (!(file >> pid) || pid <= 0) return 0;
  for (int i = 1; i <= 8; ++i) std::getline(file, line);
  // A server that follows another one takes queries as "standby".
  const bool ready =
      line.rfind("ready", 0) == 0 || line.rfind("standby", 0) == 0;
  return ready ? pid : 0;
}

// The process that listens on the socket, or 0 if nobody does.
pid_t WhoListens(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.copy(address.sun_path, sizeof address.sun_path - 1) != path.size())
    return 0;
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ucred peer = {};
  socklen_t size = sizeof peer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    peer.pid = 0;
  close(fd);
  return peer.pid;
}

void AwaitChange(int changes) {
  pollfd watched = {.fd = changes, .events = POLLIN, .revents = 0};
  char events[4096];
  if (poll(&watched, 1, kPauseMs) > 0 &&
      read(changes, events, sizeof events) < 0)
    perror("inotify");
}

int Failed(const char* what) {
  perror(what);
  return 1;
}

// Whether the server takes queries, soon enough; otherwise says why.
bool Await(const std::string& directory, const std::string& socket) {
  const int changes = inotify_init1(IN_CLOEXEC);
  if (inotify_add_watch(changes, directory.c_str(), IN_MODIFY | IN_MOVED_TO) <
      0)
    perror("inotify");
  const Clock::time_point start = Clock::now();
  while (Clock::now() - start < kLimit) {
    // An earlier server may have left its file, but does not listen any more.
    const pid_t pid = WhoSaysReady(directory + "/postmaster.pid");
    if (pid != 0 && WhoListens(socket) == pid) return true;
    AwaitChange(changes);
  }
  fputs("it does not say in postmaster.pid that it is ready\n", stderr);
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 125;
  // To give up an inotify instance takes the kernel some 15 ms, and a process
  // has not ended before: so another one has it, and this one only waits.
  int done[2];
  if (pipe2(done, O_CLOEXEC) != 0) return Failed("pipe");
  switch (fork()) {
    case -1:
      return Failed("fork");
    case 0:
      if (!Await(argv[1], argv[2])) return 1;
      return write(done[1], "\n", 1) == 1 ? 0 : Failed("pipe");
  }
  close(done[1]);
  char newline;
  return read(done[0], &newline, 1) == 1 ? 0 : 1;
}
