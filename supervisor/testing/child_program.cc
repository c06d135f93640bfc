#include "supervisor/testing/child_program.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "glog/logging.h"

extern char** environ;

namespace espalier {
namespace {

std::vector<std::string> EnvironmentOf(const ChildProgram::Options& options) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view text = *entry;
    const std::string name(text.substr(0, text.find('=')));
    if (std::find(options.unset.begin(), options.unset.end(), name) ==
        options.unset.end()) {
      result.emplace_back(text);
    }
  }
  // Of two with one name the first one counts.
  result.insert(result.begin(), options.environment.begin(),
                options.environment.end());
  return result;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& string : strings) pointers.push_back(string.data());
  pointers.push_back(nullptr);
  return pointers;
}

void AddTree(pid_t root, std::vector<ProcessWatch>& watches) {
  watches.emplace_back(root);
  // A child belongs to the thread that started it.
  std::error_code gone;
  const std::string tasks = absl::StrCat("/proc/", root, "/task");
  for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
    std::ifstream children(task.path() / "children");
    pid_t child;
    while (children >> child) AddTree(child, watches);
  }
}

}  // namespace

ChildProgram::ChildProgram(std::vector<std::string> command)
    : ChildProgram(std::move(command), Options()) {}

ChildProgram::ChildProgram(std::vector<std::string> command,
                           const Options& options) {
  int pipe_ends[2];
  PCHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
  std::vector<std::string> environment = EnvironmentOf(options);
  std::vector<char*> argv = Pointers(command);
  std::vector<char*> envp = Pointers(environment);
  pid_ = fork();
  PCHECK(pid_ >= 0);
  if (pid_ == 0) {
    // The test may have threads: only what is safe after fork from here on.
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    if (options.own_process_group) setpgid(0, 0);
    const bool ready =
        (options.directory.empty() || chdir(options.directory.c_str()) == 0) &&
        (!options.user ||
         (setgroups(0, nullptr) == 0 &&
          setresgid(*options.user, *options.user, *options.user) == 0 &&
          setresuid(*options.user, *options.user, *options.user) == 0));
    if (ready) execve(argv[0], argv.data(), envp.data());
    dprintf(STDERR_FILENO, "cannot start %s: %s\n", argv[0], strerror(errno));
    _exit(127);
  }
  close(pipe_ends[1]);
  pipe_ = pipe_ends[0];
}

ChildProgram::~ChildProgram() {
  if (!exit_) {
    Signal(SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(pipe_);
}

bool ChildProgram::ReadMore() {
  char buffer[65536];
  ssize_t got;
  do {
    got = read(pipe_, buffer, sizeof buffer);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  output_.append(buffer, got);
  return true;
}

bool ChildProgram::AwaitOutput(absl::string_view text) {
  while (!absl::StrContains(output_, text)) {
    if (!ReadMore()) return false;
  }
  return true;
}

int ChildProgram::Wait() {
  while (ReadMore()) {
  }
  if (!exit_) {
    int status = 0;
    PCHECK(waitpid(pid_, &status, 0) == pid_);
    exit_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  return *exit_;
}

void ChildProgram::Signal(int signal) {
  CHECK(!exit_) << "it has ended already";
  kill(pid_, signal);
}

ProcessWatch::ProcessWatch(pid_t pid)
    : pid_(pid), pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}

ProcessWatch::ProcessWatch(ProcessWatch&& other) noexcept
    : pid_(other.pid_), pidfd_(std::exchange(other.pidfd_, -1)) {}

ProcessWatch::~ProcessWatch() {
  if (pidfd_ >= 0) close(pidfd_);
}

void ProcessWatch::AwaitEnd() const {
  if (pidfd_ < 0) return;  // it had ended before
  pollfd entry{.fd = pidfd_, .events = POLLIN, .revents = 0};
  while (poll(&entry, 1, -1) < 0 && errno == EINTR) {
  }
}

std::vector<ProcessWatch> WatchTree(pid_t root) {
  std::vector<ProcessWatch> watches;
  AddTree(root, watches);
  return watches;
}

}  // namespace espalier
