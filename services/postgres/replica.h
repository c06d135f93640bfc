#ifndef ESPALIER_SERVICES_POSTGRES_REPLICA_H_
#define ESPALIER_SERVICES_POSTGRES_REPLICA_H_

#include <string>

#include "services/postgres/postgres.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

class Nursery;

// A PostgreSQL server that follows a primary: what was committed there can be
// read here a moment later. It takes no writes from anybody, so that all there
// is to be had from it is a database for those who only read. No conversion
// leads from or to Postgres: who needs the primary says so by the type.
struct PostgresReplica {
  PostgresReadOnly read_only;

  ESPALIER_HANDLE(PostgresReplica, read_only);
};

struct PostgresReplicaOptions {
  // Tells several of them apart.
  std::string name = "postgres-replica";
  // Lines for postgresql.conf, which come last and so win. Where the primary
  // has more connections, workers, locks or prepared transactions than by
  // default, a replica must have as many.
  std::string settings = {};
};

// Starts a PostgreSQL server that follows `primary` by streaming replication,
// on a Unix socket as the primary's. Ready when it answers questions, with all
// in it that was committed when the copy was made.
//
// A one-shot comes with it: <name>-copy copies the primary by pg_basebackup
// when there is no data directory yet; later it sees that the one that is there
// is of this very primary, and an error is all that comes of it if not.
//
// The primary has to be ready when it starts. After that each of the two may
// stop, die and restart without the other. A replica that was away while the
// primary wrote more than 128 MiB of log can follow no longer, and says so in
// its log; then its data directory is to be moved away.
Task<PostgresReplica> StartPostgresReplica(Nursery& nursery, Postgres primary,
                                           PostgresReplicaOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_REPLICA_H_
