#include "services/postgres/server_command.h"

#include <csignal>
#include <utility>

#include "absl/time/time.h"
#include "services/postgres/libpq_settings.h"
#include "services/postgres/postgres.h"

namespace espalier {
namespace {

// The last setting of a name counts. What the file includes was chosen by
// initdb for this machine: time zone, kind of shared memory.
Text Settings(const Service& server, const Text& further) {
  return Text("include_if_exists '", ClusterOf(server) / "postgresql.conf",
              "'\n"
              "listen_addresses = ''\n"
              "unix_socket_directories = '",
              server.runtime(),
              "'\n"
              "unix_socket_permissions = 0700\n"
              "port = 5432\n"
              "hba_file = '",
              server.data() / "pg_hba.conf",
              "'\n"
              "logging_collector = off\n"
              "log_destination = stderr\n"
              "recovery_init_sync_method = syncfs\n",
              further);
}

}  // namespace

Program InstalledPostgres(std::string name, std::string package) {
  return Program::System(std::move(name), std::move(package),
                         {kPostgresPrograms});
}

Path ClusterOf(const Service& server) { return server.data() / "cluster"; }

Command PostgresServer(const Service& server, const PostgresUrl& url,
                       const Text& settings, Text authentication) {
  const Path file = server.data() / "postgresql.conf";
  Command command = {
      .program = InstalledPostgres("postgres", kPostgresPackage),
      .arguments = {"-D", ClusterOf(server), "-c", Text("config_file=", file)},
      .files = {{.path = file, .contents = Settings(server, settings)},
                {.path = server.data() / "pg_hba.conf",
                 .contents = std::move(authentication)}},
      .readiness = Readiness::Probe(
          {.program = Program::Built("services/postgres/await_postgres"),
           .arguments = {ClusterOf(server),
                         server.runtime() / kPostgresSocket}}),
      // A fast shutdown: clients are sent away, what is committed is written.
      .stop = {.signal = SIGINT, .grace = absl::Seconds(30)}};
  if (server.is_external()) command.readiness = Readiness::Connects(url);
  return command;
}

template <typename Database>
void AllowClients(const Service& server, const Database& database,
                  Command& command) {
  command.client.environment =
      LibpqSettings(database.url, database.database, database.user);
  // Of a server that is not ours, the person is asked for the password.
  if (server.is_external()) return;
  const Path passwords = server.runtime() / "pgpass";
  command.files.push_back(
      LibpqPasswordFile(passwords, database.user, database.password));
  command.client.environment.push_back({"PGPASSFILE", passwords});
}

template void AllowClients(const Service&, const Postgres&, Command&);
template void AllowClients(const Service&, const PostgresReadOnly&, Command&);

}  // namespace espalier
