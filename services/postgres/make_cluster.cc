// Makes a data directory for PostgreSQL by initdb, once for each version, as a
// template; further ones are copies of it, which takes a tenth of the time.
// Both appear whole or not at all, whenever this is killed.

#include <sys/stat.h>

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
#include "services/postgres/cluster_directory.h"
#include "services/postgres/copy_tree.h"

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

constexpr char kAdvice[] =
    "Restore it from a backup, or move it away to begin anew";

void Remove(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

absl::Status RunInitdb(const std::string& program, const std::string& cluster) {
  std::vector<std::string> command = {program, "--pgdata=" + cluster};
  command.insert(command.end(), std::begin(kInitdbOptions),
                 std::end(kInitdbOptions));
  return RunToEnd(command);
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
  return PutInPlace(copy, cluster);
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

absl::Status Run(int argc, char** argv) {
  absl::SetProgramUsageMessage("Makes a data directory for PostgreSQL.");
  absl::Status status = ParseFlags(argc, argv);
  if (!status.ok()) return status;
  const std::string cluster = absl::GetFlag(FLAGS_cluster);
  if (IsCluster(cluster)) return absl::OkStatus();
  const std::string initdb = absl::GetFlag(FLAGS_programs) + "/initdb";
  status = CheckInstalled(initdb, absl::GetFlag(FLAGS_package));
  if (status.ok()) status = CheckPlace(cluster, kAdvice);
  if (!status.ok()) return status;
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
