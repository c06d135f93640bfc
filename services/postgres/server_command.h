#ifndef ESPALIER_SERVICES_POSTGRES_SERVER_COMMAND_H_
#define ESPALIER_SERVICES_POSTGRES_SERVER_COMMAND_H_

#include <string>

#include "supervisor/nursery/nursery.h"
#include "supervisor/wiring/command.h"

namespace espalier {

// What primaries and replicas have in common.

// What PostgreSQL calls its socket at port 5432.
inline constexpr char kPostgresSocket[] = ".s.PGSQL.5432";
// Debian keeps each major version apart, and none of them in PATH.
inline constexpr char kPostgresPrograms[] = "/usr/lib/postgresql/15/bin";
inline constexpr char kPostgresPackage[] = "postgresql-15";

Program InstalledPostgres(std::string name, std::string package);

// The data directory, which must be there when the server starts.
Path ClusterOf(const Service& server);

// Runs a server at `url`, on ClusterOf(server). `settings` are lines for
// postgresql.conf, which come last and so win; `authentication` is pg_hba.conf.
Command PostgresServer(const Service& server, const PostgresUrl& url,
                       const Text& settings, Text authentication);

// Has what a person runs with `envctl exec` connect to this database as this
// role. `Database` is Postgres or PostgresReadOnly.
template <typename Database>
void AllowClients(const Service& server, const Database& database,
                  Command& command);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_SERVER_COMMAND_H_
