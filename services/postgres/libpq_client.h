#ifndef ESPALIER_SERVICES_POSTGRES_LIBPQ_CLIENT_H_
#define ESPALIER_SERVICES_POSTGRES_LIBPQ_CLIENT_H_

#include "services/postgres/postgres.h"
#include "supervisor/wiring/text.h"

namespace espalier {

struct Command;

// Adds to `command` what libpq, and so psql and most clients, needs to connect
// to the database: PGHOST, PGPORT, PGDATABASE, PGUSER and PGPASSFILE. The file
// with the password is made in `directory`, which is best the runtime directory
// of the service whose command it is.
void ConnectLibpq(const Postgres& postgres, const Path& directory,
                  Command& command);
void ConnectLibpq(const PostgresReadOnly& postgres, const Path& directory,
                  Command& command);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_LIBPQ_CLIENT_H_
