// Makes a data directory for PostgreSQL by initdb, once for each version, as a
// template; further ones are copies of it, which takes a tenth of the time.
// Both appear whole or not at all, whenever this is killed.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "services/common/server_main.h"
#include "services/postgres/copy_tree.h"
#include "supervisor/ports/unique_fd.h"

ABSL_FLAG(std::string, cluster, "", "The directory to make.");
ABSL_FLAG(std::string, templates, "", "Where templates are kept.");
ABSL_FLAG(std::string, programs, "", "Where initdb and postgres are.");
ABSL_FLAG(std::string, package, "", "What to install when they are missing.");

namespace espalier {
namespace {

namespace fs = std::filesystem;

// The superuser has no password: where this cluster is used, nobody else can
// connect. Sorting by bytes is the same everywhere.
const char* const kInitdbOptions[] = {
    "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8",
    "--auth=reject",       "--no-sync",       "--no-instructions"};

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

bool IsCluster(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path + "/PG_VERSION", error);
}

void Remove(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// A new directory beside `path`, for what will become it.
absl::StatusOr<std::string> MakeBeside(const std::string& path) {
  std::string made = path + ".XXXXXX";
  if (mkdtemp(made.data()) == nullptr)
    return SystemError("cannot make a directory beside", path);
  return made;
}

absl::Status RunInitdb(const std::string& program, const std::string& cluster) {
  const std::string data = "--pgdata=" + cluster;
  std::vector<const char*> argv = {program.c_str(), data.c_str()};
  argv.insert(argv.end(), std::begin(kInitdbOptions), std::end(kInitdbOptions));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return SystemError("cannot start", program);
  if (child == 0) {
    execv(program.c_str(), const_cast<char* const*>(argv.data()));
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(program, " failed; see above for what it said"));
}

// Whoever else makes the same template meanwhile is no less welcome.
absl::Status MakeTemplate(const std::string& initdb, const std::string& path) {
  absl::StatusOr<std::string> made = MakeBeside(path);
  if (!made.ok()) return made.status();
  const auto remove = absl::MakeCleanup([&] { Remove(*made); });
  if (absl::Status status = RunInitdb(initdb, *made); !status.ok())
    return status;
  if (rename(made->c_str(), path.c_str()) == 0 || IsCluster(path))
    return absl::OkStatus();
  return SystemError("cannot make", path);
}

absl::Status MakeCopy(const std::string& from, const std::string& cluster) {
  absl::StatusOr<std::string> made = MakeBeside(cluster);
  if (!made.ok()) return made.status();
  const auto remove = absl::MakeCleanup([&] { Remove(*made); });
  const std::string copy = *made + "/cluster";
  if (absl::Status status = CopyTree(from, copy); !status.ok()) return status;
  // All at once: a thousand files, each by itself, take a second.
  const UniqueFd directory(open(copy.c_str(), O_RDONLY | O_DIRECTORY));
  if (!directory.valid() || syncfs(directory.get()) != 0)
    return SystemError("cannot write", copy);
  return rename(copy.c_str(), cluster.c_str()) == 0
             ? absl::OkStatus()
             : SystemError("cannot make", cluster);
}

// A template serves all minor versions of a major one; but an initdb that was
// upgraded may make a better one.
absl::StatusOr<std::string> TemplateFor(const std::string& initdb,
                                        const std::string& templates) {
  struct stat program;
  if (stat(initdb.c_str(), &program) != 0) return SystemError("no", initdb);
  std::string name = fs::path(initdb).parent_path().parent_path().filename();
  return absl::StrCat(templates, "/", name, "-", program.st_mtim.tv_sec, "-",
                      program.st_size);
}

absl::Status CheckPrograms(const std::string& initdb) {
  if (access(initdb.c_str(), X_OK) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the program '", initdb,
                   "' is not installed; install it with: sudo apt-get install ",
                   absl::GetFlag(FLAGS_package)));
}

absl::Status CheckPlace(const std::string& cluster) {
  std::error_code error;
  if (!fs::exists(cluster, error) || fs::is_empty(cluster, error))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the data directory ", cluster,
      " is damaged: it has files, but no PG_VERSION. Nothing in it was "
      "changed. Restore it from a backup, or move it away to begin anew"));
}

absl::Status Run(int argc, char** argv) {
  absl::SetProgramUsageMessage("Makes a data directory for PostgreSQL.");
  absl::Status status = ParseFlags(argc, argv);
  if (!status.ok()) return status;
  const std::string cluster = absl::GetFlag(FLAGS_cluster);
  if (IsCluster(cluster)) return absl::OkStatus();
  const std::string initdb = absl::GetFlag(FLAGS_programs) + "/initdb";
  if (status = CheckPrograms(initdb); !status.ok()) return status;
  if (status = CheckPlace(cluster); !status.ok()) return status;
  absl::StatusOr<std::string> pattern =
      TemplateFor(initdb, absl::GetFlag(FLAGS_templates));
  if (!pattern.ok()) return pattern.status();
  if (!IsCluster(*pattern)) status = MakeTemplate(initdb, *pattern);
  return status.ok() ? MakeCopy(*pattern, cluster) : status;
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  return espalier::ExitCode("make_cluster", espalier::Run(argc, argv));
}
