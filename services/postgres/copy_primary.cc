// Makes the data directory of a server that follows a primary, from what the
// primary has. Where it is and as whom to connect, it finds in libpq's
// environment variables. When the directory is there, sees that it is of this
// primary.

#include <libpq-fe.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>

#include "absl/cleanup/cleanup.h"
#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "services/common/server_main.h"
#include "services/postgres/cluster_directory.h"

ABSL_FLAG(std::string, cluster, "", "The directory to make.");
ABSL_FLAG(std::string, programs, "", "Where pg_basebackup is.");
ABSL_FLAG(std::string, package, "", "What to install when it is missing.");

namespace espalier {
namespace {

// Within a copy, whose it is: what IdOfPrimary gave.
constexpr char kIdFile[] = "/espalier-primary";

// What no other server has: the identifier that initdb made up and, for those
// that begin as copies of one template, what the setup noted with the role.
constexpr char kId[] =
    "SELECT concat_ws(' ', system_identifier,"
    " shobj_description(quote_ident(current_user)::regrole, 'pg_authid'))"
    " FROM pg_control_system()";

absl::StatusOr<std::string> IdOfPrimary() {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(""),
                                                                &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexec(connection.get(), kId), &PQclear);
  if (PQntuples(result.get()) == 1)
    return std::string(PQgetvalue(result.get(), 0, 0));
  return absl::UnavailableError(absl::StrCat(
      "cannot ask the primary who it is: ",
      absl::StripAsciiWhitespace(PQerrorMessage(connection.get()))));
}

absl::Status CheckSame(const std::string& cluster) {
  const absl::StatusOr<std::string> primary = IdOfPrimary();
  if (!primary.ok()) return primary.status();
  std::ifstream file(cluster + kIdFile);
  std::string ours;
  if (std::getline(file, ours) && ours == *primary) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the data directory ", cluster,
      " is of another primary than the one that is to be followed. Nothing in "
      "it was changed. Move it away to have that one copied"));
}

absl::Status Copy(const std::string& program, const std::string& cluster) {
  absl::StatusOr<std::string> made = MakeBeside(cluster);
  if (!made.ok()) return made.status();
  const auto remove = absl::MakeCleanup([&] {
    std::error_code ignored;
    std::filesystem::remove_all(*made, ignored);
  });
  const std::string copy = *made + "/cluster";
  const absl::StatusOr<std::string> id = IdOfPrimary();
  if (!id.ok()) return id.status();
  const absl::Status status =
      RunToEnd({program, "--pgdata=" + copy, "--wal-method=stream",
                "--checkpoint=fast", "--no-sync", "--no-password"});
  if (!status.ok()) return status;
  std::ofstream file(copy + kIdFile);
  if (!(file << *id << "\n" << std::flush))
    return SystemError("cannot write", copy + kIdFile);
  return PutInPlace(copy, cluster);
}

absl::Status Run(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Makes the data directory of a replica, or sees that it is one.");
  absl::Status status = ParseFlags(argc, argv);
  if (!status.ok()) return status;
  const std::string cluster = absl::GetFlag(FLAGS_cluster);
  if (IsCluster(cluster)) return CheckSame(cluster);
  const std::string program = absl::GetFlag(FLAGS_programs) + "/pg_basebackup";
  status = CheckInstalled(program, absl::GetFlag(FLAGS_package));
  if (status.ok())
    status = CheckPlace(cluster, "Move it away to copy the primary anew");
  return status.ok() ? Copy(program, cluster) : status;
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  return espalier::ExitCode("copy_primary", espalier::Run(argc, argv));
}
