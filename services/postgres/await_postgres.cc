// Ends with exit code 0 as soon as a PostgreSQL server takes queries.
//
//   await_postgres <data directory>
//
// The server notes its state in a file there: it is asked when it says that it
// is ready, and not before, for each question that comes too early costs it a
// process and a line in its log. Where it is, libpq learns from the
// environment: PGHOST, PGUSER, …

#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
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

// postmaster.pid: the server's pid in the first line, its state in the eighth.
// What an earlier server left says nothing.
bool SaysReady(const std::string& pid_file) {
  std::ifstream file(pid_file);
  pid_t pid = 0;
  std::string line;
  if (!(file >> pid) || pid <= 0 || kill(pid, 0) != 0) return false;
  for (int i = 1; i <= 8; ++i) std::getline(file, line);
  return line.rfind("ready", 0) == 0;
}

// Empty if the server asks who we are, as it does when it takes queries. More
// is not asked: the first query of all takes it ten times as long, and the
// first client of a database would have to wait for it once again.
std::string Ask() {
  switch (PQping("connect_timeout=10")) {
    case PQPING_OK:
      return "";
    case PQPING_REJECT:
      return "it takes no connections yet\n";
    default:
      return "it does not answer\n";
  }
}

void AwaitChange(int changes) {
  pollfd watched = {.fd = changes, .events = POLLIN, .revents = 0};
  char events[4096];
  if (poll(&watched, 1, kPauseMs) > 0 &&
      read(changes, events, sizeof events) < 0)
    perror("await_postgres: inotify");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 125;
  const std::string directory = argv[1];
  const int changes = inotify_init1(IN_CLOEXEC);
  // Once written, the file is synced, and only then does the server answer: the
  // question waits for it meanwhile.
  if (inotify_add_watch(changes, directory.c_str(), IN_MODIFY | IN_MOVED_TO) <
      0)
    perror("await_postgres: inotify");
  const Clock::time_point start = Clock::now();
  std::string error = "it does not say in postmaster.pid that it is ready\n";
  while (Clock::now() - start < kLimit) {
    if (SaysReady(directory + "/postmaster.pid")) {
      error = Ask();
      if (error.empty()) return 0;
    }
    AwaitChange(changes);
  }
  fputs(error.c_str(), stderr);
  return 1;
}
