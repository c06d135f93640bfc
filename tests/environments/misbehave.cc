// A server which does what servers should not: misbehave MODE [PORT].

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

[[noreturn]] void Sleep() {
  while (true) pause();
}

// Answers each connection, so many times; then only takes them.
[[noreturn]] void Answer(int listener, int times) {
  while (true) {
    const int connection = accept(listener, nullptr, nullptr);
    if (times-- <= 0) continue;
    char question[16];
    if (read(connection, question, sizeof question) > 0) {
      (void)!write(connection, "ok\n", 3);
    }
    close(connection);
  }
}

// Binds like a server that knows of nothing: the socket that listens, or -1.
int Listen(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool listens =
      bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      listen(fd, 10) == 0;
  return listens ? fd : -1;
}

// Asks one that answers; exit code 0 if it does.
int Ask(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  char answer[16];
  const bool answered =
      connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      write(fd, "?\n", 2) == 2 && read(fd, answer, sizeof answer) > 0;
  return answered ? 0 : 1;
}

// Leaves a process behind that listens, that nothing tells whose it was, and
// that is nobody's child; 1 then. If one listens already, lets it.
int LeaveListener(int port, char** argv) {
  int listens[2];
  if (pipe(listens) != 0) return 2;
  if (fork() == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    const int listener = Listen(port);
    if (listener < 0) _exit(0);
    dup2(listener, 100);
    dup2(listens[1], 101);
    char* arguments[] = {argv[0], const_cast<char*>("hold"), nullptr};
    // Nothing that would tell whose it is.
    char* nothing[] = {nullptr};
    const rlimit usual = {RLIM_INFINITY, RLIM_INFINITY};
    setrlimit(RLIMIT_LOCKS, &usual);
    execve("/proc/self/exe", arguments, nothing);
    _exit(2);
  }
  close(listens[1]);
  char byte;
  if (read(listens[0], &byte, 1) == 1) return 1;
  Sleep();
}

void PrintMegabytes() {
  for (int i = 0; i < 60'000; ++i) {
    printf("line %d of very many, which nobody will ever read\n", i);
  }
  puts("this is the last line");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const int port = argc > 2 ? atoi(argv[2]) : 0;
  if (mode == "never_ready") Sleep();
  if (mode == "stubborn") {
    signal(SIGTERM, SIG_IGN);
    puts("ignoring SIGTERM");
    fflush(stdout);
    Sleep();
  }
  if (mode == "megabytes") {
    PrintMegabytes();
    return 3;
  }
  if (mode == "listen" || mode == "listen_and_say" ||
      mode == "listen_and_talk") {
    if (Listen(port) < 0) {
      perror("cannot listen");
      return 1;
    }
    if (mode == "listen_and_say") puts("listening");
    if (mode == "listen_and_talk") PrintMegabytes();
    fflush(stdout);
    Sleep();
  }
  if (mode == "answer") Answer(Listen(port), 1'000'000'000);
  if (mode == "ask") return Ask(port);
  if (mode == "leave_listener") return LeaveListener(port, argv);
  if (mode == "hold") {
    (void)!write(101, "", 1);
    close(101);
    Sleep();
  }
  // Says that it is ready, and answers nothing afterwards.
  if (mode == "deaf") Answer(Listen(port), 1);
  fprintf(stderr, "unknown mode '%s'\n", mode.c_str());
  return 125;
}
