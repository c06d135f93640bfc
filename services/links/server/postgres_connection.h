#ifndef ESPALIER_SERVICES_LINKS_SERVER_POSTGRES_CONNECTION_H_
#define ESPALIER_SERVICES_LINKS_SERVER_POSTGRES_CONNECTION_H_

#include <libpq-fe.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace espalier::links {

// One connection to a PostgreSQL server. Not thread-safe; every call may block.
// Errors: Unavailable when the server cannot be used just now (it is down,
// starting, out of space, too slow), FailedPrecondition when trying again
// cannot help (no such database, a wrong password, a table that is not ours).
class PostgresConnection {
 public:
  using Row = std::vector<std::string>;
  struct Result {
    std::vector<Row> rows;  // each column as text
    int changes = 0;        // rows that a statement which writes has changed
  };

  // `url` as libpq reads it, "postgresql://…". What it leaves open comes from
  // the environment: PGUSER, PGDATABASE, PGPASSFILE.
  static absl::StatusOr<PostgresConnection> Open(const std::string& url);

  // Whether the server is still at the other end, as far as can be told without
  // asking it.
  bool IsAlive();

  // Runs one statement, with `texts` for $1, $2, …
  absl::StatusOr<Result> Run(
      const std::string& sql,
      std::initializer_list<absl::string_view> texts = {});

 private:
  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  explicit PostgresConnection(PGconn* connection) : connection_(connection) {}

  std::unique_ptr<PGconn, Close> connection_;
};

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_POSTGRES_CONNECTION_H_
