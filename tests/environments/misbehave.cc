// A server which does what servers should not: misbehave MODE [PORT].

#include <arpa/inet.h>
#include <netinet/in.h>
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

// Binds like a server that knows of nothing: true if it listens.
bool Listen(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
         listen(fd, 10) == 0;
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
    for (int i = 0; i < 60'000; ++i) {
      printf("line %d of very many, which nobody will ever read\n", i);
    }
    puts("this is the last line");
    return 3;
  }
  if (mode == "listen" || mode == "listen_and_say") {
    if (!Listen(port)) {
      perror("cannot listen");
      return 1;
    }
    if (mode == "listen_and_say") {
      puts("listening");
      fflush(stdout);
    }
    Sleep();
  }
  fprintf(stderr, "unknown mode '%s'\n", mode.c_str());
  return 125;
}
