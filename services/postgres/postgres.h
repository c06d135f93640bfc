#ifndef ESPALIER_SERVICES_POSTGRES_POSTGRES_H_
#define ESPALIER_SERVICES_POSTGRES_POSTGRES_H_

#include <optional>
#include <string>
#include <vector>

#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"
#include "supervisor/wiring/text.h"

namespace espalier {

class Nursery;

// A PostgreSQL database that its holder may read and not change.
struct PostgresReadOnly {
  PostgresUrl url;
  std::string database;
  std::string user;
  Secret password;

  ESPALIER_HANDLE(PostgresReadOnly, url, database, user, password);
};

// Who connects to a PostgreSQL server.
struct PostgresLogin {
  std::string user;
  Secret password;

  ESPALIER_HANDLE(PostgresLogin, user, password);
};

// A PostgreSQL database that its holder owns, on a server that takes writes: a
// primary. No conversion leads from or to
// PostgresReadOnly: who needs to write says so by the type.
struct Postgres {
  PostgresUrl url;
  std::string database;
  std::string user;
  Secret password;
  // The same database, for those who only read.
  PostgresReadOnly read_only;
  // Who may follow the server; see replica.h. None if it is external and nobody
  // was named.
  std::optional<PostgresLogin> replicator;

  // Another database of the same server, which PostgresOptions::databases must
  // name.
  Postgres Database(std::string name) const;

  ESPALIER_HANDLE(Postgres, url, database, user, password, read_only,
                  replicator);
};

struct PostgresOptions {
  // Tells several of them apart.
  std::string name = "postgres";
  // The database of the handle. Names of databases and roles consist of
  // lower-case letters, digits and '_', and begin with a letter.
  std::string database = "app";
  // The role that owns all databases. "<user>_reader" reads them, and
  // "<user>_replicator" may copy and follow the whole server.
  std::string user = "app";
  // Further databases.
  std::vector<std::string> databases = {};
  // Run in `database` by its owner, once, in the transaction in which the
  // database counts as set up. May use psql's commands.
  std::string initial_sql = {};
  // Lines for postgresql.conf, which come last and so win.
  std::string settings = {};
};

// Starts a PostgreSQL server (Debian's package postgresql) on a Unix socket,
// which only the user that services run as can reach. The data are kept from
// run to run of the instance; a commit is on disk before it is acknowledged.
// It is ready when it answers queries, and asked to end by a fast shutdown.
//
// Two one-shots come with it, and are skipped once they are done:
// <name>-cluster makes the data directory, <name>-setup the roles and
// databases. A data directory that is damaged, or of another version of
// PostgreSQL, is an error, and is left as it is.
//
// With --external=<name>=postgresql://HOST:PORT or the path of a socket,
// nothing of this runs: then roles and databases must be there, and the
// passwords in the secrets directory of the instance (<name>.password,
// <name>.reader, <name>.replicator).
Task<Postgres> StartPostgres(Nursery& nursery, PostgresOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_POSTGRES_H_
