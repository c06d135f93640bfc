#include "services/postgres/postgres.h"

#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "services/postgres/libpq_settings.h"
#include "services/postgres/setup_script.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {
namespace {

// What PostgreSQL calls its socket at port 5432.
constexpr char kSocket[] = ".s.PGSQL.5432";
constexpr char kSuperuser[] = "postgres";
// Debian keeps each major version apart, and none of them in PATH.
constexpr char kPrograms[] = "/usr/lib/postgresql/15/bin";
constexpr char kPackage[] = "postgresql-15";

Program Installed(std::string name, std::string package) {
  return Program::System(std::move(name), std::move(package), {kPrograms});
}

// The last setting of a name counts. What the file includes was chosen by
// initdb for this machine: time zone, kind of shared memory.
Text Settings(const Service& server, const PostgresOptions& options) {
  return Text("include_if_exists '",
              server.data() / "cluster" / "postgresql.conf", "'\n",
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
              options.settings, options.settings.empty() ? "" : "\n");
}

// Only the services' user can reach the socket. He could read and change the
// data files as well, so that a password for the superuser would guard nothing;
// everybody else's is asked for.
constexpr char kHostBasedAuthentication[] =
    "local all postgres trust\n"
    "local all all scram-sha-256\n";

std::vector<EnvironmentVariable> AsSuperuser(const PostgresUrl& url) {
  return LibpqSettings(url, kSuperuser, kSuperuser);
}

// A person's programs connect as the owner of the database, like services.
void AllowClients(const Service& server, const Postgres& postgres,
                  Command& command) {
  command.client.environment =
      LibpqSettings(postgres.url, postgres.database, postgres.user);
  // Of a server that is not ours, the person is asked for the password.
  if (server.is_external()) return;
  const Path passwords = server.runtime() / "pgpass";
  command.files.push_back(
      LibpqPasswordFile(passwords, postgres.user, postgres.password));
  command.client.environment.push_back({"PGPASSFILE", passwords});
}

Command ServerCommand(const Service& server, const PostgresUrl& url,
                      const PostgresOptions& options) {
  const Path settings = server.data() / "postgresql.conf";
  Command command = {
      .program = Installed("postgres", kPackage),
      .arguments = {"-D", server.data() / "cluster", "-c",
                    Text("config_file=", settings)},
      .files = {{.path = settings, .contents = Settings(server, options)},
                {.path = server.data() / "pg_hba.conf",
                 .contents = kHostBasedAuthentication}},
      .readiness = Readiness::Probe(
          {.program = Program::Built("services/postgres/await_postgres"),
           .arguments = {server.data() / "cluster",
                         server.runtime() / kSocket}}),
      // A fast shutdown: clients are sent away, what is committed is written.
      .stop = {.signal = SIGINT, .grace = absl::Seconds(30)}};
  if (server.is_external()) command.readiness = Readiness::Connects(url);
  return command;
}

Task<void> MakeCluster(Nursery& nursery, const Service& server,
                       std::string name) {
  Service cluster = nursery.NewService(name + "-cluster");
  const Path directory = server.data() / "cluster";
  co_await cluster.Start(
      {.program = Program::Built("services/postgres/make_cluster"),
       .arguments = {Text("--cluster=", directory),
                     Text("--templates=", Cache("postgresql")),
                     Text("--programs=", kPrograms),
                     Text("--package=", kPackage)},
       .creates = directory / "PG_VERSION",
       .readiness = Readiness::Completed()});
}

Task<void> SetUp(Nursery& nursery, const Service& server,
                 const Postgres& postgres, const PostgresOptions& options) {
  Service setup = nursery.NewService(options.name + "-setup");
  const Path script = setup.runtime() / "setup.sql";
  const Path done = server.data() / "cluster" /
                    absl::StrCat("espalier-setup-", SetupFingerprint(options));
  co_await setup.Start(
      {.program = Installed("psql", "postgresql-client-15"),
       .arguments = {"--no-psqlrc", "--quiet", "--no-password", "--file",
                     script},
       .environment = AsSuperuser(postgres.url),
       .files = {{.path = script,
                  .contents = SetupScript(options, postgres.password,
                                          postgres.read_only.password, done)}},
       .creates = done,
       .readiness = Readiness::Completed()});
}

}  // namespace

Postgres Postgres::Database(std::string name) const {
  Postgres other = *this;
  other.database = name;
  other.read_only.database = std::move(name);
  return other;
}

Task<Postgres> StartPostgres(Nursery& nursery, PostgresOptions options) {
  co_await CheckNames(options);
  Service server = nursery.NewService(options.name);
  const PostgresUrl url = server.ReserveUnix<PostgresUrl>(kSocket);
  const Postgres postgres = {
      .url = url,
      .database = options.database,
      .user = options.user,
      .password = server.GeneratedSecret("password"),
      .read_only = {.url = url,
                    .database = options.database,
                    .user = ReaderOf(options),
                    .password = server.GeneratedSecret("reader")}};
  const bool ours = !server.is_external();
  if (ours) co_await MakeCluster(nursery, server, options.name);
  Command command = ServerCommand(server, url, options);
  AllowClients(server, postgres, command);
  co_await server.Start(std::move(command), postgres);
  if (ours) co_await SetUp(nursery, server, postgres, options);
  co_return postgres;
}

}  // namespace espalier
