#include "services/postgres/libpq_client.h"

#include <utility>

#include "services/postgres/libpq_settings.h"
#include "supervisor/wiring/command.h"

namespace espalier {
namespace {

template <typename Handle>
void Connect(const Handle& postgres, const Path& directory, Command& command) {
  const Path passwords = directory / "pgpass";
  for (EnvironmentVariable& variable :
       LibpqSettings(postgres.url, postgres.database, postgres.user))
    command.environment.push_back(std::move(variable));
  command.environment.push_back({"PGPASSFILE", passwords});
  command.files.push_back(
      LibpqPasswordFile(passwords, postgres.user, postgres.password));
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
