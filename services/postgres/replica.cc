#include "services/postgres/replica.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "services/postgres/libpq_settings.h"
#include "services/postgres/server_command.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {
namespace {

// Roles come from the primary; nobody follows a replica.
constexpr char kAuthentication[] =
    "local all postgres trust\n"
    "local all all scram-sha-256\n";

// A primary that restarts is tried so often; it is asked nothing meanwhile.
Text Settings(const Service& replica, const Postgres& primary,
              const Path& passwords, const PostgresReplicaOptions& options) {
  return Text(
      "wal_retrieve_retry_interval = 200ms\n"
      "primary_conninfo = 'host=''",
      AtStart(primary.url.host()), "'' port=", AtStart(primary.url.port()),
      " user=", primary.replicator->user, " passfile=''", passwords,
      "'' application_name=''", replica.path(), "'''\n", options.settings,
      options.settings.empty() ? "" : "\n");
}

Task<void> CopyPrimary(Nursery& nursery, const Service& replica,
                       const Postgres& primary, std::string name) {
  Service copy = nursery.NewService(name + "-copy");
  const Path passwords = copy.runtime() / "pgpass";
  std::vector<EnvironmentVariable> connection =
      LibpqSettings(primary.url, primary.database, primary.replicator->user);
  for (EnvironmentVariable& variable : connection)
    variable.value = AtStart(std::move(variable.value));
  connection.push_back({"PGPASSFILE", passwords});
  co_await copy.Start(
      {.program = Program::Built("services/postgres/copy_primary"),
       .arguments = {Text("--cluster=", ClusterOf(replica)),
                     Text("--programs=", kPostgresPrograms),
                     Text("--package=", kPostgresPackage)},
       .environment = std::move(connection),
       .files = {LibpqPasswordFile(passwords, primary.replicator->user,
                                   primary.replicator->password)},
       .readiness = Readiness::Completed()});
}

Command ReplicaCommand(const Service& replica, const PostgresReadOnly& database,
                       const Postgres& primary,
                       const PostgresReplicaOptions& options) {
  const Path passwords = replica.runtime() / "replicator-pgpass";
  Command command = PostgresServer(
      replica, database.url, Settings(replica, primary, passwords, options),
      kAuthentication);
  command.files.push_back(LibpqPasswordFile(passwords, primary.replicator->user,
                                            primary.replicator->password));
  // That it is there makes the server one that follows.
  command.files.push_back(
      {.path = ClusterOf(replica) / "standby.signal", .contents = ""});
  AllowClients(replica, database, command);
  return command;
}

absl::Status CheckCanBeFollowed(const Postgres& primary,
                                const std::string& name) {
  if (primary.replicator) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", name, "' cannot follow ", Resolve(primary.url),
      ": its handle has no role that may. Give External<Postgres> one as "
      ".replicator"));
}

}  // namespace

Task<PostgresReplica> StartPostgresReplica(Nursery& nursery, Postgres primary,
                                           PostgresReplicaOptions options) {
  co_await CheckCanBeFollowed(primary, options.name);
  Service replica = nursery.NewService(options.name);
  // Roles and their passwords are the primary's.
  const PostgresReadOnly database = {
      .url = replica.ReserveUnix<PostgresUrl>(kPostgresSocket),
      .database = primary.read_only.database,
      .user = primary.read_only.user,
      .password = primary.read_only.password};
  if (!replica.is_external())
    co_await CopyPrimary(nursery, replica, primary, options.name);
  Command command = ReplicaCommand(replica, database, primary, options);
  co_return co_await replica.Start(std::move(command),
                                   PostgresReplica{.read_only = database});
}

}  // namespace espalier
