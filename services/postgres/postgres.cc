#include "services/postgres/postgres.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/postgres/libpq_settings.h"
#include "services/postgres/server_command.h"
#include "services/postgres/setup_script.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {
namespace {

constexpr char kSuperuser[] = "postgres";

// A replica that restarts finds what it missed. The caller's settings come
// last.
Text Settings(const PostgresOptions& options) {
  return Text("wal_keep_size = 128MB\n", options.settings,
              options.settings.empty() ? "" : "\n");
}

// Only the services' user can reach the socket. He could read and change the
// data files as well, so that a password for the superuser would guard nothing;
// everybody else's is asked for.
Text Authentication(const Postgres& postgres) {
  return Text(
      "local all postgres trust\n"
      "local all all scram-sha-256\n"
      "local replication ",
      postgres.replicator->user, " scram-sha-256\n");
}

std::vector<EnvironmentVariable> AsSuperuser(const PostgresUrl& url) {
  return LibpqSettings(url, kSuperuser, kSuperuser);
}

Task<void> MakeCluster(Nursery& nursery, const Service& server,
                       std::string name) {
  Service cluster = nursery.NewService(name + "-cluster");
  const Path directory = ClusterOf(server);
  co_await cluster.Start(
      {.program = Program::Built("services/postgres/make_cluster"),
       .arguments = {Text("--cluster=", directory),
                     Text("--templates=", Cache("postgresql")),
                     Text("--programs=", kPostgresPrograms),
                     Text("--package=", kPostgresPackage)},
       .creates = directory / "PG_VERSION",
       .readiness = Readiness::Completed()});
}

Task<void> SetUp(Nursery& nursery, const Service& server,
                 const Postgres& postgres, const PostgresOptions& options) {
  Service setup = nursery.NewService(options.name + "-setup");
  const Path script = setup.runtime() / "setup.sql";
  const Path done = ClusterOf(server) /
                    absl::StrCat("espalier-setup-", SetupFingerprint(options));
  co_await setup.Start(
      {.program = InstalledPostgres("psql", "postgresql-client-15"),
       .arguments = {"--no-psqlrc", "--quiet", "--no-password", "--file",
                     script},
       .environment = AsSuperuser(postgres.url),
       .files = {{.path = script,
                  .contents = SetupScript(options, postgres, done)}},
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
  const PostgresUrl url = server.ReserveUnix<PostgresUrl>(kPostgresSocket);
  const Postgres postgres = {
      .url = url,
      .database = options.database,
      .user = options.user,
      .password = server.GeneratedSecret("password"),
      .read_only = {.url = url,
                    .database = options.database,
                    .user = ReaderOf(options),
                    .password = server.GeneratedSecret("reader")},
      .replicator =
          PostgresLogin{.user = ReplicatorOf(options),
                        .password = server.GeneratedSecret("replicator")}};
  const bool ours = !server.is_external();
  if (ours) co_await MakeCluster(nursery, server, options.name);
  Command command =
      PostgresServer(server, url, Settings(options), Authentication(postgres));
  AllowClients(server, postgres, command);
  co_await server.Start(std::move(command), postgres);
  if (ours) co_await SetUp(nursery, server, postgres, options);
  co_return postgres;
}

}  // namespace espalier
