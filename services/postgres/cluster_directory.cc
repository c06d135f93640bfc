#include "services/postgres/cluster_directory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

namespace fs = std::filesystem;

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

bool IsCluster(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path + "/PG_VERSION", error);
}

absl::Status CheckPlace(const std::string& path, absl::string_view advice) {
  std::error_code error;
  if (!fs::exists(path, error) || fs::is_empty(path, error))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the data directory ", path,
      " is damaged: it has files, but no PG_VERSION. Nothing in it was "
      "changed. ",
      advice));
}

absl::Status CheckInstalled(const std::string& program,
                            absl::string_view package) {
  if (access(program.c_str(), X_OK) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the program '", program,
      "' is not installed; install it with: sudo apt-get install ", package));
}

absl::StatusOr<std::string> MakeBeside(const std::string& path) {
  std::string made = path + ".XXXXXX";
  if (mkdtemp(made.data()) == nullptr)
    return SystemError("cannot make a directory beside", path);
  return made;
}

absl::Status RunToEnd(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& argument : command)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return SystemError("cannot start", command[0]);
  if (child == 0) {
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(command[0], " failed; see above for what it said"));
}

absl::Status PutInPlace(const std::string& made, const std::string& cluster) {
  // All at once: a thousand files, each by itself, take a second.
  const UniqueFd directory(open(made.c_str(), O_RDONLY | O_DIRECTORY));
  if (!directory.valid() || syncfs(directory.get()) != 0)
    return SystemError("cannot write", made);
  return rename(made.c_str(), cluster.c_str()) == 0
             ? absl::OkStatus()
             : SystemError("cannot make", cluster);
}

}  // namespace espalier
