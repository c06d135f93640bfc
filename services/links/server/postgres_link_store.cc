#include "services/links/server/postgres_link_store.h"

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "services/links/server/postgres_connection.h"

namespace espalier::links {
namespace {

using Result = PostgresConnection::Result;

// As many statements are under way at once; more would only wait in the server.
constexpr int kMaxConnections = 8;

// Two servers that start at once must not both make the table. Any number does;
// it is "espl".
constexpr char kLock[] = "SELECT pg_advisory_xact_lock(1702064236)";
// Byte order, whatever the order of the database is.
constexpr char kMakeTable[] =
    "CREATE TABLE IF NOT EXISTS links (code text COLLATE \"C\" NOT NULL "
    "PRIMARY "
    "KEY, url text NOT NULL)";
constexpr char kDescribeTable[] =
    "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || "
    "COALESCE(' ' || collname, ''), ', ' ORDER BY attnum) "
    "FROM pg_attribute LEFT JOIN pg_collation ON attcollation = "
    "pg_collation.oid WHERE attrelid = 'links'::regclass AND attnum > 0 AND "
    "NOT "
    "attisdropped";
constexpr char kOurTable[] = "code text C, url text default";

absl::Status SetUp(PostgresConnection& connection) {
  for (const char* sql : {"BEGIN", kLock, kMakeTable, "COMMIT"}) {
    absl::Status status = connection.Run(sql).status();
    if (!status.ok()) return status;
  }
  absl::StatusOr<Result> table = connection.Run(kDescribeTable);
  if (!table.ok()) return table.status();
  if (table->rows.size() == 1 && table->rows[0][0] == kOurTable)
    return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the table \"links\" in PostgreSQL is another program's: it has ",
      table->rows.empty() ? "no columns" : table->rows[0][0], ", not ",
      kOurTable));
}

// Connections that are not in use, and how many are.
class Pool {
 public:
  Pool(std::string url, PostgresConnection first) : url_(std::move(url)) {
    idle_.push_back(std::move(first));
  }

  absl::StatusOr<Result> Run(const std::string& sql,
                             std::initializer_list<absl::string_view> texts) {
    absl::StatusOr<PostgresConnection> connection = Take();
    absl::StatusOr<Result> result =
        connection.ok() ? connection->Run(sql, texts) : connection.status();
    Return(std::move(connection));
    return result;
  }

 private:
  absl::StatusOr<PostgresConnection> Take() {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Pool::HasRoom));
      ++in_use_;
      // Those whose server has restarted meanwhile are of no use any more.
      while (!idle_.empty()) {
        PostgresConnection connection = std::move(idle_.back());
        idle_.pop_back();
        if (connection.IsAlive()) return connection;
      }
    }
    return PostgresConnection::Open(url_);
  }

  void Return(absl::StatusOr<PostgresConnection> connection) {
    absl::MutexLock lock(&mutex_);
    --in_use_;
    if (connection.ok() && connection->IsAlive())
      idle_.push_back(*std::move(connection));
  }

  bool HasRoom() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return in_use_ < kMaxConnections;
  }

  const std::string url_;
  absl::Mutex mutex_;
  std::vector<PostgresConnection> idle_ ABSL_GUARDED_BY(mutex_);
  int in_use_ ABSL_GUARDED_BY(mutex_) = 0;
};

std::vector<Link> ToLinks(Result result) {
  std::vector<Link> links;
  for (auto& row : result.rows)
    links.push_back({.code = std::move(row[0]), .url = std::move(row[1])});
  return links;
}

class PostgresLinkStore : public LinkStore {
 public:
  PostgresLinkStore(const std::string& url, PostgresConnection first)
      : pool_(url, std::move(first)) {}

  absl::StatusOr<bool> Add(const Link& link) override {
    absl::StatusOr<Result> inserted = pool_.Run(
        "INSERT INTO links (code, url) VALUES ($1, $2) ON CONFLICT (code) DO "
        "NOTHING",
        {link.code, link.url});
    if (!inserted.ok()) return inserted.status();
    if (inserted->changes == 1) return true;
    absl::StatusOr<Link> present = Get(link.code);
    if (!present.ok()) return present.status();
    if (present->url == link.url) return false;
    return absl::AlreadyExistsError(
        absl::StrCat("the code \"", link.code, "\" leads to another URL"));
  }

  absl::StatusOr<Link> Get(absl::string_view code) override {
    absl::StatusOr<Result> found =
        pool_.Run("SELECT code, url FROM links WHERE code = $1", {code});
    if (!found.ok()) return found.status();
    if (found->rows.empty())
      return absl::NotFoundError(
          absl::StrCat("there is no link with the code \"", code, "\""));
    return ToLinks(*std::move(found)).front();
  }

  absl::StatusOr<std::vector<Link>> List(absl::string_view after,
                                         int limit) override {
    absl::StatusOr<Result> found = pool_.Run(
        "SELECT code, url FROM links WHERE code > $1 ORDER BY code LIMIT "
        "$2::integer",
        {after, absl::StrCat(limit)});
    if (!found.ok()) return found.status();
    return ToLinks(*std::move(found));
  }

 private:
  Pool pool_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LinkStore>> OpenPostgresLinkStore(
    const std::string& url) {
  absl::StatusOr<PostgresConnection> first = PostgresConnection::Open(url);
  if (!first.ok()) return first.status();
  if (absl::Status status = SetUp(*first); !status.ok()) return status;
  return std::make_unique<PostgresLinkStore>(url, *std::move(first));
}

}  // namespace espalier::links
