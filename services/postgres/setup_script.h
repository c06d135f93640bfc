#ifndef ESPALIER_SERVICES_POSTGRES_SETUP_SCRIPT_H_
#define ESPALIER_SERVICES_POSTGRES_SETUP_SCRIPT_H_

#include <string>

#include "absl/status/status.h"
#include "services/postgres/postgres.h"

namespace espalier {

// The role of read-only access that belongs to options.user.
std::string ReaderOf(const PostgresOptions& options);
// The role that may copy and follow the server.
std::string ReplicatorOf(const PostgresOptions& options);

// InvalidArgument if a name in the options cannot be a role or database, or is
// one of PostgreSQL's own.
absl::Status CheckNames(const PostgresOptions& options);

// What psql runs as the superuser to make roles and databases, and to run the
// initial SQL once, with the passwords of `postgres`. It may be run again at
// any time: what is there stays. Creates the file `done` at its end.
Text SetupScript(const PostgresOptions& options, const Postgres& postgres,
                 const Path& done);

// Changes whenever the script would do something else.
std::string SetupFingerprint(const PostgresOptions& options);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_SETUP_SCRIPT_H_
