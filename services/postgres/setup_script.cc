#include "services/postgres/setup_script.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

// Longer ones are cut silently by PostgreSQL.
constexpr size_t kMaxName = 63;

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kMaxName &&
      absl::ascii_islower(name[0]) &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_';
      });
  if (good && name != "postgres" && !absl::StartsWith(name, "pg_") &&
      !absl::StartsWith(name, "template"))
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", name, "' cannot be the name of a PostgreSQL ", what, ": use 1 to ",
      kMaxName,
      " lower-case letters, digits and '_', beginning with a letter, and none "
      "of PostgreSQL's own names (postgres, pg_…, template…)"));
}

std::vector<std::string> Databases(const PostgresOptions& options) {
  std::vector<std::string> databases = {options.database};
  for (const std::string& name : options.databases) {
    if (std::find(databases.begin(), databases.end(), name) == databases.end())
      databases.push_back(name);
  }
  return databases;
}

// A statement that is run if there is no such row yet.
std::string Unless(absl::string_view catalog, absl::string_view column,
                   absl::string_view name, absl::string_view statement) {
  return absl::StrCat("SELECT '", statement, "' WHERE NOT EXISTS (SELECT FROM ",
                      catalog, " WHERE ", column, " = '", name, "') \\gexec\n");
}

std::string MakeRole(absl::string_view role) {
  return Unless("pg_roles", "rolname", role,
                absl::StrCat("CREATE ROLE \"", role, "\" LOGIN"));
}

// Clusters that began as copies of one template are alike for PostgreSQL; by
// this a replica tells them apart.
std::string MarkServer(absl::string_view role) {
  return absl::StrCat(
      "SELECT format('COMMENT ON ROLE %I IS %L', rolname, gen_random_uuid())\n"
      "  FROM pg_roles WHERE rolname = '",
      role, "' AND shobj_description(oid, 'pg_authid') IS NULL \\gexec\n");
}

std::string MakeDatabases(const PostgresOptions& options) {
  std::string sql;
  for (const std::string& name : Databases(options)) {
    absl::StrAppend(
        &sql, Unless("pg_database", "datname", name,
                     absl::StrCat("CREATE DATABASE \"", name, "\" OWNER \"",
                                  options.user, "\"")));
  }
  return sql;
}

// Whether it was run is noted in the transaction that runs it.
std::string RunOnce(const PostgresOptions& options) {
  if (options.initial_sql.empty()) return "";
  return absl::StrCat(
      "\\connect \"", options.database, "\"\n",
      "SELECT shobj_description(oid, 'pg_database') IS DISTINCT FROM 'set up' "
      "AS is_new\n  FROM pg_database WHERE datname = '",
      options.database, "' \\gset\n", "\\if :is_new\n",
      "SET SESSION AUTHORIZATION \"", options.user, "\";\nBEGIN;\n",
      options.initial_sql, "\n;\nCOMMENT ON DATABASE \"", options.database,
      "\" IS 'set up';\nCOMMIT;\n\\endif\n");
}

}  // namespace

std::string ReaderOf(const PostgresOptions& options) {
  return options.user + "_reader";
}

std::string ReplicatorOf(const PostgresOptions& options) {
  return options.user + "_replicator";
}

absl::Status CheckNames(const PostgresOptions& options) {
  absl::Status status = CheckName("role", options.user);
  if (status.ok()) status = CheckName("role", ReaderOf(options));
  if (status.ok()) status = CheckName("role", ReplicatorOf(options));
  for (const std::string& name : Databases(options)) {
    if (status.ok()) status = CheckName("database", name);
  }
  return status;
}

Text SetupScript(const PostgresOptions& options, const Postgres& postgres,
                 const Path& done) {
  const std::string& user = options.user;
  const std::string reader = ReaderOf(options);
  const std::string replicator = ReplicatorOf(options);
  // A statement that fails would be logged, with the password in it.
  return Text(
      "\\set ON_ERROR_STOP on\n"
      "SET client_min_messages = warning;\n"
      "SET log_min_error_statement = panic;\n"
      "SET log_min_duration_statement = -1;\n"
      "SET log_statement = none;\n",
      MakeRole(user), "ALTER ROLE \"", user, "\" PASSWORD '", postgres.password,
      "';\n", MakeRole(reader), "ALTER ROLE \"", reader, "\" PASSWORD '",
      postgres.read_only.password, "';\n", "ALTER ROLE \"", reader,
      "\" SET default_transaction_read_only = on;\n",
      "GRANT pg_read_all_data TO \"", reader, "\";\n", MakeRole(replicator),
      "ALTER ROLE \"", replicator, "\" REPLICATION PASSWORD '",
      postgres.replicator->password, "';\n", MarkServer(replicator),
      MakeDatabases(options), RunOnce(options), "\\o '", done, "'\n");
}

std::string SetupFingerprint(const PostgresOptions& options) {
  const std::string text =
      absl::StrCat(options.user, "\n", ReplicatorOf(options), "\n",
                   MakeDatabases(options), RunOnce(options));
  // FNV-1a: the same in every process and on every machine.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return absl::StrCat(absl::Hex(hash, absl::kZeroPad16));
}

}  // namespace espalier
