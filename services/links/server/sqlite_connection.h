#ifndef ESPALIER_SERVICES_LINKS_SERVER_SQLITE_CONNECTION_H_
#define ESPALIER_SERVICES_LINKS_SERVER_SQLITE_CONNECTION_H_

#include <sqlite3.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace espalier::links {

// One connection to a SQLite file. Not thread-safe. Errors name the file:
// Unavailable when another process holds a lock, the disk is full or cannot be
// read; FailedPrecondition when the file is no database, or damaged.
class SqliteConnection {
 public:
  using Row = std::vector<std::string>;

  static absl::StatusOr<SqliteConnection> Open(const std::string& path,
                                               absl::Duration busy_timeout);

  // Runs one statement, with `texts` for its parameters, and returns the rows,
  // each column as text.
  absl::StatusOr<std::vector<Row>> Run(
      absl::string_view sql,
      std::initializer_list<absl::string_view> texts = {});

  // How many rows the last statement that writes has changed.
  int changes() const { return sqlite3_changes(database_.get()); }

  // Whether `status` came from a lock that somebody else holds.
  bool WasBusy() const {
    return (sqlite3_errcode(database_.get()) & 0xff) == SQLITE_BUSY;
  }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close(database); }
  };

  SqliteConnection(std::string path, sqlite3* database)
      : path_(std::move(path)), database_(database) {}

  absl::Status Error(int code) const;

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace espalier::links

#endif  // ESPALIER_SERVICES_LINKS_SERVER_SQLITE_CONNECTION_H_
