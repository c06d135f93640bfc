#include "services/common/testing/child_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include "services/common/testing/temp_path.h"

namespace espalier {
namespace {

constexpr int kInheritedFd = 3;

// Runs in the child, between fork and exec, so it makes raw calls only: other
// threads may have held any lock.
[[noreturn]] void BecomeServer(const std::vector<char*>& arguments,
                               const std::vector<char*>& environment,
                               char* pid_text, int listener_fd, int stderr_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char digits[16];
  int count = 0;
  for (int pid = getpid(); pid > 0; pid /= 10)
    digits[count++] = static_cast<char>('0' + pid % 10);
  while (count > 0) *pid_text++ = digits[--count];
  *pid_text = '\0';
  if (stderr_fd >= 0) dup2(stderr_fd, STDERR_FILENO);
  if (listener_fd == kInheritedFd) {
    fcntl(kInheritedFd, F_SETFD, 0);
  } else if (listener_fd >= 0) {
    dup2(listener_fd, kInheritedFd);
  }
  execve(arguments[0], arguments.data(), environment.data());
  _exit(127);
}

}  // namespace

ChildServer::ChildServer(const std::string& program,
                         std::vector<std::string> arguments,
                         const Listener* listener,
                         const std::string& stderr_path) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::string count = "LISTEN_FDS=1";
  std::string pid = "LISTEN_PID=" + std::string(16, '\0');
  char* const pid_text = pid.data() + pid.find('=') + 1;
  // A gateway must ignore proxies, so its environment names one that is not
  // there.
  std::string proxy = "http_proxy=http://127.0.0.1:1";
  std::vector<char*> environment = {proxy.data()};
  if (listener != nullptr)
    environment.insert(environment.end(), {count.data(), pid.data()});
  environment.push_back(nullptr);
  const int listener_fd = listener == nullptr ? -1 : listener->fd();
  const int stderr_fd =
      stderr_path.empty()
          ? -1
          : open(stderr_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                 0600);
  pid_ = fork();
  if (pid_ == 0)
    BecomeServer(argv, environment, pid_text, listener_fd, stderr_fd);
  EXPECT_GT(pid_, 0);
  if (stderr_fd >= 0) close(stderr_fd);
}

ChildServer::~ChildServer() {
  Signal(SIGKILL);
  Wait();
}

void ChildServer::Signal(int signal) {
  if (pid_ > 0) kill(pid_, signal);
}

int ChildServer::Wait() {
  int status = 0;
  if (pid_ <= 0 || waitpid(std::exchange(pid_, -1), &status, 0) < 0) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Listener TestListener() {
  absl::StatusOr<Listener> listener = Listener::Bind("127.0.0.1:0");
  EXPECT_TRUE(listener.ok()) << listener.status();
  return *std::move(listener);
}

int RunProgram(const std::string& program, std::vector<std::string> arguments,
               std::string& errors) {
  TempPath directory;
  const int code =
      ChildServer(program, std::move(arguments), nullptr, directory / "stderr")
          .Wait();
  std::stringstream text;
  text << std::ifstream(directory / "stderr").rdbuf();
  errors = text.str();
  return code;
}

}  // namespace espalier
