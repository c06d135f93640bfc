#ifndef ESPALIER_SERVICES_POSTGRES_EXTERNAL_H_
#define ESPALIER_SERVICES_POSTGRES_EXTERNAL_H_

#include <concepts>
#include <optional>
#include <string>

#include "services/postgres/postgres.h"
#include "services/postgres/replica.h"
#include "supervisor/nursery/external_options.h"
#include "supervisor/task/task.h"
#include "supervisor/wiring/endpoint.h"

namespace espalier {

class Nursery;

// As whom to log in to a PostgreSQL server that somebody else runs. The
// passwords are given: Secret::FromFile, Secret::FromVariable.
struct PostgresAccess {
  std::string database;
  PostgresLogin owner;   // of the database
  PostgresLogin reader;  // who may change nothing in it
  // With REPLICATION; wanted for a replica of it only.
  std::optional<PostgresLogin> replicator = std::nullopt;
};

// The same for those who only read.
struct PostgresReadAccess {
  std::string database;
  PostgresLogin reader;
};

// A PostgreSQL server that somebody else runs:
//
//   Postgres store = co_await External<Postgres>(
//       nursery, "store", "postgresql://10.0.0.7:5432",
//       {.database = "shop",
//        .owner = {"shop", Secret::FromFile("/etc/shop/password")},
//        .reader = {"shop_reader", Secret::FromVariable("READER_PASSWORD")}});
//
// Seen once to be what it says: that it speaks PostgreSQL's protocol and then,
// by the one-shot <name>-check (psql), that each role can log in, that the
// server is a primary, that the owner owns the database and that the reader can
// change none of its tables.
template <std::same_as<Postgres> T>
Task<T> External(Nursery& nursery, std::string name, std::string url,
                 PostgresAccess access, ExternalOptions options = {});

// A database there to read only, on a primary or not; or one on a replica,
// which is seen to be one.
template <OneOf<PostgresReadOnly, PostgresReplica> T>
Task<T> External(Nursery& nursery, std::string name, std::string url,
                 PostgresReadAccess access, ExternalOptions options = {});

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_EXTERNAL_H_
