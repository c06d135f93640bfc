// A child process that does one thing: child MODE [ARGUMENT].
//
//   exit CODE            ends at once
//   sleep                does nothing until it is signalled
//   traceable            the same, and anybody may trace it; says so when
//   ignore_term          the same, but not for SIGTERM; says in READY_FD when
//   grandchild PIDFILE   leaves a process behind that has left its session and
//                        has no parent, then sleeps
//   nameless PIDFILE     the same, and the process has no environment either
//   titled PIDFILE       the same, and it overwrites its environment in memory
//   traceless PIDFILE    as nameless, and it has the usual limits, too
//   leaderless PIDFILE   has a child whose leading thread ends while another
//                        one goes on, then sleeps
//   forks_on FILE        holds a lock on the file, says so, and forks for ever:
//                        each process has one child, and ends
//   orphan_exit PIDFILE  as grandchild, then ends
//   environment          prints its environment and its descriptors, then ends
//   signals              prints what is blocked and what is ignored, then ends
//   ready FD             writes a newline to the descriptor, then sleeps
//   forks COUNT          has that many children that sleep, then sleeps
//   bomb COUNT           forks in every process, until so many have been made
//   print COUNT          prints that many lines of 100 bytes, then ends
//   write COUNT          writes that many numbered lines of 100 bytes, each by
//                        itself; ends with the errno of what failed
//   count FILE           writes such lines without end, and after each how many
//                        there are, as 8 bytes, to the file
//   count_below FILE     the same in a child of its own, then sleeps
//   accept               accepts a connection from descriptor 3, answers
//   "hello"
//                        and ends
//   notify MESSAGE...    sends each to NOTIFY_SOCKET, then sleeps; after "fork"
//                        a child sends the rest, after "orphan" one that has
//                        left its session and its parent
//   hang FILE            says so in the file, and sleeps with a child that
//   holds
//                        its lock
//   fill MIB             uses so much memory, then ends
//   attributes           prints user, groups, umask, niceness, limits,
//   directory

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern char** environ;

namespace {

[[noreturn]] void Sleep() {
  while (true) pause();
}

// Writes its pid to `file` when it is its own, in one piece.
void WritePid(const char* file) {
  const std::string temporary = std::string(file) + ".new";
  FILE* out = fopen(temporary.c_str(), "w");
  fprintf(out, "%d\n", getpid());
  fclose(out);
  rename(temporary.c_str(), file);
}

// As setproctitle(3) does.
void OverwriteEnvironment() {
  for (char** entry = environ; *entry != nullptr; ++entry) {
    memset(*entry, 0, strlen(*entry));
  }
}

// A process that nobody waits for; returns when it has written its pid.
void LeaveBehind(const char* file, char** argv, const std::string& mode) {
  int done[2];
  if (pipe(done) != 0) abort();
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    if (mode == "titled") OverwriteEnvironment();
    if (mode == "traceless") {
      const rlimit usual = {RLIM_INFINITY, RLIM_INFINITY};
      setrlimit(RLIMIT_LOCKS, &usual);
    }
    if (mode == "nameless" || mode == "traceless") {
      char sleep_mode[] = "nameless_sleep";
      char* arguments[] = {argv[0], sleep_mode, const_cast<char*>(file),
                           nullptr};
      char* none[] = {nullptr};
      // The parent waits for the end of the pipe, which is closed by this end.
      fcntl(done[0], F_SETFD, FD_CLOEXEC);
      execve("/proc/self/exe", arguments, none);
      _exit(1);
    }
    WritePid(file);
    close(done[1]);
    close(done[0]);
    Sleep();
  }
  close(done[1]);
  char byte;
  while (read(done[0], &byte, 1) > 0) {
  }
}

[[noreturn]] void LoseLeader(const char* file) {
  static const char* pid_file = file;
  pthread_t other;
  pthread_create(
      &other, nullptr,
      [](void*) -> void* {
        WritePid(pid_file);
        Sleep();
      },
      nullptr);
  pthread_exit(nullptr);
}

// The lock is that of all of them. It ends after a while, even if nobody ends
// it.
[[noreturn]] void ForkOn(const char* file) {
  constexpr int kMost = 100'000;
  const int lock = open(file, O_RDWR | O_CREAT, 0600);
  flock(lock, LOCK_EX);
  puts("going");
  fflush(stdout);
  if (fork() != 0) Sleep();
  setsid();
  for (int i = 0; i < kMost; ++i) {
    if (fork() != 0) _exit(0);
  }
  _exit(0);
}

void PrintDescriptors() {
  DIR* directory = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(directory)) {
    const int fd = atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != dirfd(directory)) {
      printf("fd %d\n", fd);
    }
  }
  closedir(directory);
}

// Everybody forks, so that the number doubles; what has been killed counts too,
// so that it ends even if nobody ends it.
[[noreturn]] void Bomb(int limit) {
  auto* made = static_cast<std::atomic<int>*>(
      mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  int before;
  while ((before = made->fetch_add(1)) < limit) {
    if (before == limit / 10) {
      puts("going");
      fflush(stdout);
    }
    if (fork() == 0) setsid();
  }
  Sleep();
}

void Print(int lines) {
  const std::string line = std::string(99, 'x') + "\n";
  for (int i = 0; i < lines; ++i) fputs(line.c_str(), stdout);
}

bool WriteLine(int number) {
  char line[101];
  snprintf(line, sizeof line, "%099d\n", number);
  return write(1, line, 100) == 100;
}

int WriteLines(int lines) {
  for (int i = 0; i < lines; ++i) {
    if (!WriteLine(i)) return errno;
  }
  return 0;
}

int CountLines(const char* file) {
  const int counter = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  for (int64_t written = 0; WriteLine(static_cast<int>(written));) {
    ++written;
    if (pwrite(counter, &written, sizeof written, 0) != sizeof written) break;
  }
  return errno;
}

void PrintAttributes() {
  gid_t groups[64];
  const int count = getgroups(64, groups);
  printf("uid %d gid %d groups", getuid(), getgid());
  for (int i = 0; i < count; ++i) printf(" %d", groups[i]);
  const mode_t mask = umask(0);
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  printf("\numask %03o nice %d files %d/%d no_new_privs %d\n", mask,
         getpriority(PRIO_PROCESS, 0), static_cast<int>(files.rlim_cur),
         static_cast<int>(files.rlim_max),
         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  char directory[4096];
  puts(getcwd(directory, sizeof directory));
}

// False if it could not be sent.
bool SendNotification(const std::string& message) {
  const char* name = getenv("NOTIFY_SOCKET");
  if (name == nullptr || name[0] != '@') return false;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, name, sizeof address.sun_path - 1);
  address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(name));
  const ssize_t sent =
      sendto(fd, message.data(), message.size(), 0,
             reinterpret_cast<const sockaddr*>(&address), size);
  close(fd);
  return sent == static_cast<ssize_t>(message.size());
}

[[noreturn]] void Notify(char** messages) {
  for (; *messages != nullptr; ++messages) {
    const std::string message = *messages;
    if (message == "fork") {
      if (fork() != 0) Sleep();
    } else if (message == "orphan") {
      if (fork() != 0) Sleep();
      setsid();
      if (fork() != 0) _exit(0);
    } else if (message == "heir" || message == "heir and fail") {
      const pid_t heir = fork();
      if (heir != 0) {
        SendNotification("MAINPID=" + std::to_string(heir));
        _exit(message == "heir" ? 0 : 3);
      }
    } else if (!SendNotification(message)) {
      _exit(errno);
    }
  }
  Sleep();
}

// Says in the file that it hangs, and whether a process of an earlier one is
// still there; with a child outside of its session, of which it holds a lock.
[[noreturn]] void Hang(const char* path) {
  const int file = open(path, O_RDWR | O_CREAT | O_APPEND, 0666);
  const std::string lock = std::string(path) + ".lock";
  const int held = open(lock.c_str(), O_RDWR | O_CREAT, 0666);
  const bool alone = flock(held, LOCK_EX | LOCK_NB) == 0;
  const std::string word = alone ? "hangs\n" : "still there\n";
  if (write(file, word.data(), word.size()) < 0) _exit(1);
  if (fork() == 0) setsid();
  Sleep();
}

int Accept() {
  const int connection = accept(3, nullptr, nullptr);
  return write(connection, "hello", 5) == 5 ? 0 : 1;
}

void PrintSignals() {
  FILE* status = fopen("/proc/self/status", "r");
  char line[256];
  while (fgets(line, sizeof line, status) != nullptr) {
    if (strncmp(line, "SigBlk:", 7) == 0 || strncmp(line, "SigIgn:", 7) == 0) {
      fputs(line, stdout);
    }
  }
  fclose(status);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const char* argument = argc > 2 ? argv[2] : "";
  if (mode == "exit") return atoi(argument);
  if (mode == "sleep") Sleep();
  if (mode == "traceable") {
    // EINVAL where every process of the user may.
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    puts("traceable");
    fflush(stdout);
    Sleep();
  }
  if (mode == "ignore_term") {
    signal(SIGTERM, SIG_IGN);
    puts("ignoring");
    fflush(stdout);
    const char* ready = getenv("READY_FD");
    if (ready != nullptr && write(atoi(ready), "\n", 1) != 1) return 1;
    Sleep();
  }
  if (mode == "grandchild" || mode == "nameless" || mode == "titled" ||
      mode == "traceless" || mode == "orphan_exit") {
    LeaveBehind(argument, argv, mode);
    if (mode == "orphan_exit") return 0;
    Sleep();
  }
  if (mode == "leaderless") {
    if (fork() == 0) {
      setsid();
      LoseLeader(argument);
    }
    Sleep();
  }
  if (mode == "forks_on") ForkOn(argument);
  if (mode == "nameless_sleep") {
    WritePid(argument);
    for (int fd = 0; fd < 64; ++fd) close(fd);
    Sleep();
  }
  if (mode == "environment") {
    for (char** entry = environ; *entry != nullptr; ++entry) puts(*entry);
    PrintDescriptors();
    return 0;
  }
  if (mode == "signals") {
    PrintSignals();
    return 0;
  }
  if (mode == "ready") {
    if (write(atoi(argument), "\n", 1) != 1) return 1;
    Sleep();
  }
  if (mode == "forks") {
    for (int i = atoi(argument); i > 0; --i) {
      if (fork() == 0) Sleep();
    }
    Sleep();
  }
  if (mode == "bomb") Bomb(atoi(argument));
  if (mode == "print") {
    Print(atoi(argument));
    return 0;
  }
  if (mode == "write") return WriteLines(atoi(argument));
  if (mode == "count") return CountLines(argument);
  if (mode == "count_below") {
    if (fork() == 0) return CountLines(argument);
    Sleep();
  }
  if (mode == "accept") return Accept();
  if (mode == "fill") {
    std::string memory(static_cast<size_t>(atoi(argument)) << 20, 'x');
    return memory.back() == 'x' ? 0 : 1;
  }
  if (mode == "notify") Notify(argv + 2);
  if (mode == "hang") Hang(argument);
  if (mode == "attributes") {
    PrintAttributes();
    return 0;
  }
  return 125;
}
