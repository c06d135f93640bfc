#include "services/links/server/sqlite_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace espalier::links {
namespace {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
  }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

SqliteConnection::Row ReadRow(sqlite3_stmt* statement) {
  SqliteConnection::Row row;
  for (int column = 0; column < sqlite3_column_count(statement); ++column) {
    const auto* text =
        reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
    row.emplace_back(text == nullptr ? "" : text,
                     sqlite3_column_bytes(statement, column));
  }
  return row;
}

}  // namespace

absl::StatusOr<SqliteConnection> SqliteConnection::Open(
    const std::string& path, absl::Duration busy_timeout) {
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(
      path.c_str(), &database,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      nullptr);
  SqliteConnection connection(path, database);
  if (code != SQLITE_OK) return connection.Error(code);
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(
      database, static_cast<int>(absl::ToInt64Milliseconds(busy_timeout)));
  return connection;
}

absl::StatusOr<std::vector<SqliteConnection::Row>> SqliteConnection::Run(
    absl::string_view sql, std::initializer_list<absl::string_view> texts) {
  sqlite3_stmt* raw = nullptr;
  const int prepared = sqlite3_prepare_v2(
      database_.get(), sql.data(), static_cast<int>(sql.size()), &raw, nullptr);
  const Statement statement(raw);
  if (prepared != SQLITE_OK) return Error(prepared);
  int index = 0;
  for (const absl::string_view text : texts) {
    // A null pointer would bind NULL instead of the empty text.
    sqlite3_bind_text64(raw, ++index, text.data() == nullptr ? "" : text.data(),
                        text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  std::vector<Row> rows;
  int step = SQLITE_ROW;
  while ((step = sqlite3_step(raw)) == SQLITE_ROW) rows.push_back(ReadRow(raw));
  if (step != SQLITE_DONE) return Error(step);
  return rows;
}

absl::Status SqliteConnection::Error(int code) const {
  const std::string message =
      absl::StrCat("the links in ", path_, " cannot be used: ",
                   database_ == nullptr ? sqlite3_errstr(code)
                                        : sqlite3_errmsg(database_.get()));
  switch (code & 0xff) {
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:
    case SQLITE_SCHEMA:
      return absl::FailedPreconditionError(message);
    default:
      return absl::UnavailableError(message);
  }
}

}  // namespace espalier::links
