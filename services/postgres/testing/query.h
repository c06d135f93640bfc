#ifndef ESPALIER_SERVICES_POSTGRES_TESTING_QUERY_H_
#define ESPALIER_SERVICES_POSTGRES_TESTING_QUERY_H_

#include <string>

#include "services/postgres/postgres.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {

// The value of a secret of `environment`; empty if it has not been made.
std::string SecretValue(const TestEnvironmentBase& environment,
                        const Secret& secret);

// What a query gives, as one text with a line for each row of one column, or
// the error. Connects for it as `user` with `password`, over the Unix socket at
// `url`, and blocks.
std::string QueryAs(const std::string& user, const std::string& password,
                    const PostgresUrl& url, const std::string& database,
                    const std::string& sql);

// The same as the role of a handle: Postgres or PostgresReadOnly. `password` is
// its own if empty.
template <typename Handle>
std::string Query(const TestEnvironmentBase& environment, const Handle& handle,
                  const std::string& sql, std::string password = "") {
  if (password.empty()) password = SecretValue(environment, handle.password);
  return QueryAs(handle.user, password, handle.url, handle.database, sql);
}

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_TESTING_QUERY_H_
