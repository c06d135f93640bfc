#include "services/postgres/testing/query.h"

#include <libpq-fe.h>

#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"

namespace espalier {

std::string SecretValue(const TestEnvironmentBase& environment,
                        const Secret& secret) {
  std::ifstream file(absl::StrCat(environment.state_directory(), "/secrets/",
                                  secret.service(), ".", secret.name()));
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string QueryAs(const std::string& user, const std::string& password,
                    const PostgresUrl& url, const std::string& database,
                    const std::string& sql) {
  const std::string address = Resolve(url);
  const std::string target = absl::StrCat("postgresql:///", database,
                                          address.substr(address.find('?')));
  const char* const keys[] = {"dbname", "user", "password", nullptr};
  const char* const values[] = {target.c_str(), user.c_str(), password.c_str(),
                                nullptr};
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
      PQconnectdbParams(keys, values, 1), &PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK)
    return PQerrorMessage(connection.get());
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(
      PQexec(connection.get(), sql.c_str()), &PQclear);
  std::string text = PQresultErrorMessage(result.get());
  for (int row = 0; row < PQntuples(result.get()); ++row)
    absl::StrAppend(&text, PQgetvalue(result.get(), row, 0), "\n");
  return text;
}

}  // namespace espalier
