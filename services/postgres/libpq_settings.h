#ifndef ESPALIER_SERVICES_POSTGRES_LIBPQ_SETTINGS_H_
#define ESPALIER_SERVICES_POSTGRES_LIBPQ_SETTINGS_H_

#include <string>
#include <vector>

#include "supervisor/wiring/command.h"

namespace espalier {

// What libpq needs to connect to a database, but for a password.
inline std::vector<EnvironmentVariable> LibpqSettings(
    const PostgresUrl& url, const std::string& database,
    const std::string& user) {
  return {{"PGHOST", url.host()},
          {"PGPORT", url.port()},
          {"PGDATABASE", database},
          {"PGUSER", user}};
}

// What libpq wants in a file for the password of a role.
inline Text PasswordLine(const std::string& user, const Secret& password) {
  return Text("*:*:*:", user, ":", Escaped(password), "\n");
}

// The file in which libpq finds the password: PGPASSFILE.
inline File LibpqPasswordFile(const Path& path, const std::string& user,
                              const Secret& password) {
  return {.path = path, .contents = PasswordLine(user, password)};
}

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_LIBPQ_SETTINGS_H_
