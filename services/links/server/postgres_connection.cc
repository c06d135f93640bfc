#include "services/links/server/postgres_connection.h"

#include <poll.h>

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace espalier::links {
namespace {

// Whoever waits for an answer has given up long before.
constexpr char kConnectSeconds[] = "5";
constexpr char kServerOptions[] =
    "-c statement_timeout=5s -c client_min_messages=warning";

using OwnedResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

// Errors end in a newline, and may have further lines for details.
std::string OneLine(const char* error) {
  std::string line = error;
  line.resize(line.find('\n') == std::string::npos ? line.size()
                                                   : line.find('\n'));
  return line;
}

// By the class of the SQLSTATE: 28 authorization, 3D no such database, 42 no
// such table or no right to it.
bool IsLasting(absl::string_view sql_state) {
  return absl::StartsWith(sql_state, "28") ||
         absl::StartsWith(sql_state, "3D") || absl::StartsWith(sql_state, "42");
}

absl::Status ErrorOf(const PGresult* result, const PGconn* connection) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string message =
      absl::StrCat("the links in PostgreSQL cannot be used: ",
                   OneLine(PQerrorMessage(connection)));
  return state != nullptr && IsLasting(state)
             ? absl::FailedPreconditionError(message)
             : absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<PostgresConnection> PostgresConnection::Open(
    const std::string& url) {
  const char* const names[] = {"dbname", "connect_timeout", "application_name",
                               "options", nullptr};
  const char* const values[] = {url.c_str(), kConnectSeconds, "links",
                                kServerOptions, nullptr};
  PostgresConnection connection(
      PQconnectdbParams(names, values, /*expand_dbname=*/1));
  PGconn* raw = connection.connection_.get();
  if (PQstatus(raw) == CONNECTION_OK) return connection;
  // libpq does not tell the SQLSTATE of a connection that was refused.
  const std::string message = absl::StrCat("PostgreSQL cannot be reached: ",
                                           OneLine(PQerrorMessage(raw)));
  for (const char* lasting :
       {"does not exist", "authentication failed", "no password supplied",
        "no pg_hba.conf entry", "invalid "}) {
    if (absl::StrContains(message, lasting) &&
        !absl::StrContains(message, "Is the server running"))
      return absl::FailedPreconditionError(message);
  }
  return absl::UnavailableError(message);
}

bool PostgresConnection::IsAlive() {
  if (PQstatus(connection_.get()) != CONNECTION_OK) return false;
  // Nothing is asked, so what comes now is its farewell, or the end.
  pollfd socket = {
      .fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
  return poll(&socket, 1, 0) == 0;
}

absl::StatusOr<PostgresConnection::Result> PostgresConnection::Run(
    const std::string& sql, std::initializer_list<absl::string_view> texts) {
  const std::vector<std::string> values(texts.begin(), texts.end());
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  const OwnedResult result(
      PQexecParams(connection_.get(), sql.c_str(),
                   static_cast<int>(pointers.size()), nullptr, pointers.data(),
                   nullptr, nullptr, 0),
      &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
    return ErrorOf(result.get(), connection_.get());
  Result answer;
  answer.changes = atoi(PQcmdTuples(result.get()));
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    Row& columns = answer.rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      columns.emplace_back(PQgetvalue(result.get(), row, column),
                           PQgetlength(result.get(), row, column));
    }
  }
  return answer;
}

}  // namespace espalier::links
