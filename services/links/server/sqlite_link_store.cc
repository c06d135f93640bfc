#include "services/links/server/sqlite_link_store.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "services/links/server/sqlite_connection.h"

namespace espalier::links {
namespace {

// "espl": tells our files from other programs' databases.
constexpr int kApplicationId = 0x6573706c;
constexpr int kFormat = 1;
constexpr std::chrono::milliseconds kSetUpRetry(5);

std::vector<Link> ToLinks(std::vector<SqliteConnection::Row> rows) {
  std::vector<Link> links;
  for (auto& row : rows)
    links.push_back({.code = std::move(row[0]), .url = std::move(row[1])});
  return links;
}

absl::StatusOr<std::string> Single(SqliteConnection& connection,
                                   absl::string_view sql) {
  absl::StatusOr<std::vector<SqliteConnection::Row>> rows = connection.Run(sql);
  if (!rows.ok()) return rows.status();
  return rows->empty() ? "" : rows->front().front();
}

// Makes the table, in one transaction, unless it is there; refuses files that
// are not ours.
absl::Status SetUpTable(SqliteConnection& connection, const std::string& path) {
  absl::StatusOr<std::string> objects =
      Single(connection, "SELECT count(*) FROM sqlite_master");
  if (!objects.ok()) return objects.status();
  if (*objects == "0") {
    for (const std::string& sql :
         {absl::StrCat("PRAGMA application_id = ", kApplicationId),
          absl::StrCat("PRAGMA user_version = ", kFormat),
          std::string("CREATE TABLE links (code TEXT NOT NULL PRIMARY KEY, url "
                      "TEXT NOT NULL) WITHOUT ROWID")}) {
      const absl::Status status = connection.Run(sql).status();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> application =
      Single(connection, "PRAGMA application_id");
  if (!application.ok()) return application.status();
  if (*application != absl::StrCat(kApplicationId)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is a database of another program"));
  }
  absl::StatusOr<std::string> format =
      Single(connection, "PRAGMA user_version");
  if (!format.ok()) return format.status();
  if (*format != absl::StrCat(kFormat)) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " has format ", *format, "; this server reads ", kFormat));
  }
  return absl::OkStatus();
}

absl::Status SetUp(SqliteConnection& connection, const std::string& path) {
  absl::StatusOr<std::string> mode =
      Single(connection, "PRAGMA journal_mode = WAL");
  if (!mode.ok()) return mode.status();
  if (*mode != "wal") {
    return absl::UnavailableError(absl::StrCat(
        "the file system of ", path, " does not allow a write-ahead log"));
  }
  // FULL: each commit is synchronised, so that it survives a power failure too.
  absl::Status status = connection.Run("PRAGMA synchronous = FULL").status();
  if (status.ok()) status = connection.Run("BEGIN IMMEDIATE").status();
  if (!status.ok()) return status;
  status = SetUpTable(connection, path);
  const absl::Status ended =
      connection.Run(status.ok() ? "COMMIT" : "ROLLBACK").status();
  return status.ok() ? ended : status;
}

// The change to a write-ahead log reports a busy file at once, whatever the
// timeout says, so it is tried again here.
absl::StatusOr<SqliteConnection> OpenReady(const std::string& path,
                                           absl::Duration busy_timeout) {
  const auto deadline = std::chrono::steady_clock::now() +
                        absl::ToChronoNanoseconds(busy_timeout);
  while (true) {
    absl::StatusOr<SqliteConnection> connection =
        SqliteConnection::Open(path, busy_timeout);
    if (!connection.ok()) return connection.status();
    const absl::Status status = SetUp(*connection, path);
    if (status.ok()) return connection;
    if (!connection->WasBusy() || std::chrono::steady_clock::now() >= deadline)
      return status;
    std::this_thread::sleep_for(kSetUpRetry);
  }
}

class SqliteLinkStore : public LinkStore {
 public:
  SqliteLinkStore(SqliteConnection writer, SqliteConnection reader)
      : writer_(std::move(writer)), reader_(std::move(reader)) {}

  absl::StatusOr<bool> Add(const Link& link) override {
    absl::MutexLock lock(&writer_mutex_);
    absl::Status inserted = writer_
                                .Run(
                                    "INSERT INTO links (code, url) VALUES (?, "
                                    "?) ON CONFLICT (code) DO NOTHING",
                                    {link.code, link.url})
                                .status();
    if (!inserted.ok()) return inserted;
    if (writer_.changes() == 1) return true;
    absl::StatusOr<Link> present = Find(writer_, link.code);
    if (!present.ok()) return present.status();
    if (present->url == link.url) return false;
    return absl::AlreadyExistsError(
        absl::StrCat("the code \"", link.code, "\" leads to another URL"));
  }

  absl::StatusOr<Link> Get(absl::string_view code) override {
    absl::MutexLock lock(&reader_mutex_);
    return Find(reader_, code);
  }

  absl::StatusOr<std::vector<Link>> List(absl::string_view after,
                                         int limit) override {
    absl::MutexLock lock(&reader_mutex_);
    absl::StatusOr<std::vector<SqliteConnection::Row>> rows = reader_.Run(
        "SELECT code, url FROM links WHERE code > ? ORDER BY code LIMIT CAST(? "
        "AS INTEGER)",
        {after, absl::StrCat(limit)});
    if (!rows.ok()) return rows.status();
    return ToLinks(*std::move(rows));
  }

 private:
  static absl::StatusOr<Link> Find(SqliteConnection& connection,
                                   absl::string_view code) {
    absl::StatusOr<std::vector<SqliteConnection::Row>> rows =
        connection.Run("SELECT code, url FROM links WHERE code = ?", {code});
    if (!rows.ok()) return rows.status();
    if (rows->empty())
      return absl::NotFoundError(
          absl::StrCat("there is no link with the code \"", code, "\""));
    return ToLinks(*std::move(rows)).front();
  }

  absl::Mutex writer_mutex_;
  absl::Mutex reader_mutex_;
  SqliteConnection writer_ ABSL_GUARDED_BY(writer_mutex_);
  SqliteConnection reader_ ABSL_GUARDED_BY(reader_mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<LinkStore>> OpenSqliteLinkStore(
    const std::string& path, absl::Duration busy_timeout) {
  absl::StatusOr<SqliteConnection> writer = OpenReady(path, busy_timeout);
  if (!writer.ok()) return writer.status();
  absl::StatusOr<SqliteConnection> reader =
      SqliteConnection::Open(path, busy_timeout);
  if (!reader.ok()) return reader.status();
  return std::make_unique<SqliteLinkStore>(*std::move(writer),
                                           *std::move(reader));
}

}  // namespace espalier::links
