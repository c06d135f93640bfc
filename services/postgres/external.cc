#include "services/postgres/external.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "services/postgres/libpq_settings.h"
#include "services/postgres/server_command.h"
#include "supervisor/nursery/external.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {
namespace {

constexpr char kIsPrimary[] =
    "DO $$ BEGIN IF pg_is_in_recovery() THEN RAISE"
    " 'this server is a replica, where a primary is meant'; END IF; END $$;\n";

constexpr char kIsReplica[] =
    "DO $$ BEGIN IF NOT pg_is_in_recovery() THEN RAISE"
    " 'this server is a primary, where a replica is meant'; END IF; END $$;\n";

constexpr char kOwns[] =
    "DO $$ BEGIN IF NOT (SELECT pg_has_role(datdba, 'MEMBER') FROM pg_database"
    " WHERE datname = current_database()) THEN RAISE"
    " 'the role % does not own the database %',"
    " current_user, current_database(); END IF; END $$;\n";

constexpr char kOnlyReads[] =
    "DO $$ DECLARE changed regclass; BEGIN"
    " SELECT c.oid INTO changed FROM pg_class c WHERE relkind IN ('r', 'p')"
    " AND relnamespace::regnamespace::text"
    " NOT IN ('pg_catalog', 'information_schema')"
    " AND has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
    " LIMIT 1;\n"
    "IF FOUND THEN RAISE 'the role % is to read only, and may change %',"
    " current_user, changed; END IF; END $$;\n";

// What psql runs, and as whom.
struct Check {
  std::vector<PostgresLogin> logins;
  std::string script = "\\set ON_ERROR_STOP on\n";

  void As(const PostgresLogin& login, std::string statements) {
    if (!logins.empty()) {
      absl::StrAppend(&script, "\\connect - \"",
                      absl::StrReplaceAll(login.user, {{"\"", "\"\""}}),
                      "\"\n");
    }
    logins.push_back(login);
    script += statements;
  }
};

// Both parts: the server, which is not ours, and the one-shot that looks.
template <Handle H>
Task<H> Use(Nursery& nursery, std::string name, Service server, PostgresUrl url,
            std::string database, Check check, ExternalOptions options,
            H handle) {
  co_await server.Start({.program = Program::Built("external"),
                         .readiness = Speaks(url),
                         .restart = {.when = RestartWhen::kNever},
                         .start_timeout = options.timeout},
                        handle);
  Service checked = nursery.NewService(name + "-check");
  const Path script = checked.runtime() / "check.sql";
  const Path passwords = checked.runtime() / "pgpass";
  Text lines;
  for (const PostgresLogin& login : check.logins)
    lines.Append(PasswordLine(login.user, login.password));
  std::vector<EnvironmentVariable> environment =
      LibpqSettings(url, database, check.logins.front().user);
  environment.push_back({"PGPASSFILE", passwords});
  co_await checked.Start(
      {.program = InstalledPostgres("psql", "postgresql-client-15"),
       .arguments = {"--no-psqlrc", "--quiet", "--no-password", "--file",
                     script},
       .environment = std::move(environment),
       .files = {{.path = script, .contents = check.script},
                 {.path = passwords, .contents = std::move(lines)}},
       .readiness = Readiness::Completed(),
       .restart = {.when = RestartWhen::kNever},
       .start_timeout = options.timeout});
  co_return handle;
}

PostgresReadOnly ReaderAt(const PostgresUrl& url, const std::string& database,
                          const PostgresLogin& reader) {
  return {.url = url,
          .database = database,
          .user = reader.user,
          .password = reader.password};
}

}  // namespace

template <std::same_as<Postgres> T>
Task<T> External(Nursery& nursery, std::string name, std::string url,
                 PostgresAccess access, ExternalOptions options) {
  Service server = nursery.NewExternalService(name, std::move(url));
  const PostgresUrl at = server.Reserve<PostgresUrl>();
  Check check;
  check.As(access.owner, absl::StrCat(kIsPrimary, kOwns));
  check.As(access.reader, kOnlyReads);
  if (access.replicator) check.As(*access.replicator, "");
  co_return co_await Use(
      nursery, name, std::move(server), at, access.database, std::move(check),
      options,
      Postgres{.url = at,
               .database = access.database,
               .user = access.owner.user,
               .password = access.owner.password,
               .read_only = ReaderAt(at, access.database, access.reader),
               .replicator = access.replicator});
}

template <OneOf<PostgresReadOnly, PostgresReplica> T>
Task<T> External(Nursery& nursery, std::string name, std::string url,
                 PostgresReadAccess access, ExternalOptions options) {
  Service server = nursery.NewExternalService(name, std::move(url));
  const PostgresUrl at = server.Reserve<PostgresUrl>();
  const PostgresReadOnly reader = ReaderAt(at, access.database, access.reader);
  Check check;
  if constexpr (std::same_as<T, PostgresReplica>) {
    check.As(access.reader, absl::StrCat(kIsReplica, kOnlyReads));
    co_return co_await Use(nursery, name, std::move(server), at,
                           access.database, std::move(check), options,
                           PostgresReplica{.read_only = reader});
  } else {
    check.As(access.reader, kOnlyReads);
    co_return co_await Use(nursery, name, std::move(server), at,
                           access.database, std::move(check), options, reader);
  }
}

template Task<Postgres> External(Nursery&, std::string, std::string,
                                 PostgresAccess, ExternalOptions);
template Task<PostgresReadOnly> External(Nursery&, std::string, std::string,
                                         PostgresReadAccess, ExternalOptions);
template Task<PostgresReplica> External(Nursery&, std::string, std::string,
                                        PostgresReadAccess, ExternalOptions);

}  // namespace espalier
