#include "services/postgres/libpq_client.h"

namespace espalier {
namespace {

template <typename Handle>
void Connect(const Handle& postgres, const Path& directory, Command& command) {
  const Path passwords = directory / "pgpass";
  command.environment.insert(command.environment.end(),
                             {{"PGHOST", postgres.url.host()},
                              {"PGPORT", postgres.url.port()},
                              {"PGDATABASE", postgres.database},
                              {"PGUSER", postgres.user},
                              {"PGPASSFILE", passwords}});
  command.files.push_back({.path = passwords,
                           .contents = Text("*:*:*:", postgres.user, ":",
                                            postgres.password, "\n")});
}

}  // namespace

void ConnectLibpq(const Postgres& postgres, const Path& directory,
                  Command& command) {
  Connect(postgres, directory, command);
}

void ConnectLibpq(const PostgresReadOnly& postgres, const Path& directory,
                  Command& command) {
  Connect(postgres, directory, command);
}

}  // namespace espalier
