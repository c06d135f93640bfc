#include "services/links/server/sqlite_link_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/common/testing/temp_path.h"
#include "services/links/server/open_link_store.h"
#include "services/links/server/sqlite_connection.h"

namespace espalier::links {
namespace {

using ::testing::HasSubstr;

class SqliteLinkStoreTest : public testing::Test {
 protected:
  std::unique_ptr<LinkStore> Open() {
    absl::StatusOr<std::unique_ptr<LinkStore>> store =
        OpenSqliteLinkStore(path_);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  TempPath directory_;
  const std::string path_ = directory_ / "links.db";
};

// A child adds links and tells of each through a pipe; it is killed in the
// middle. Everything that it told of is there afterwards.
TEST_F(SqliteLinkStoreTest, AcknowledgedLinksSurviveKill) {
  constexpr int kEnough = 20;
  int acknowledged[2];
  ASSERT_EQ(pipe(acknowledged), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(acknowledged[0]);
    const auto store = OpenSqliteLinkStore(path_);
    for (int i = 0; store.ok() && i < 1'000'000; ++i) {
      if (!(*store)->Add({absl::StrCat(i), "http://x"}).ok()) break;
      if (write(acknowledged[1], "x", 1) != 1) break;
    }
    _exit(1);
  }
  close(acknowledged[1]);
  char byte = 0;
  int count = 0;
  while (count < kEnough && read(acknowledged[0], &byte, 1) == 1) ++count;
  EXPECT_EQ(count, kEnough);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  while (read(acknowledged[0], &byte, 1) == 1) ++count;
  close(acknowledged[0]);
  const std::unique_ptr<LinkStore> store = Open();
  for (int i = 0; i < count; ++i) {
    EXPECT_TRUE(store->Get(absl::StrCat(i)).ok()) << i << " of " << count;
  }
}

TEST_F(SqliteLinkStoreTest, CommitsAreSynchronised) {
  // The setting belongs to a connection, so a look at the file does not show
  // it; what a commit leaves behind does: a write-ahead log.
  const std::unique_ptr<LinkStore> store = Open();
  ASSERT_TRUE(store->Add({"a", "http://x"}).ok());
  EXPECT_TRUE(std::ifstream(path_ + "-wal").good());
}

TEST_F(SqliteLinkStoreTest, ALockThatIsHeldTooLongIsUnavailable) {
  absl::StatusOr<std::unique_ptr<LinkStore>> store =
      OpenSqliteLinkStore(path_, absl::ZeroDuration());
  ASSERT_TRUE(store.ok()) << store.status();
  absl::StatusOr<SqliteConnection> other =
      SqliteConnection::Open(path_, absl::ZeroDuration());
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE(other->Run("BEGIN IMMEDIATE").ok());
  const absl::Status status = (*store)->Add({"a", "http://x"}).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("locked"));
  // Readers do not mind.
  EXPECT_TRUE(absl::IsNotFound((*store)->Get("a").status()));
  ASSERT_TRUE(other->Run("COMMIT").ok());
  EXPECT_TRUE((*store)->Add({"a", "http://x"}).ok());
}

TEST_F(SqliteLinkStoreTest, RefusesAnotherProgramsDatabase) {
  {
    absl::StatusOr<SqliteConnection> other =
        SqliteConnection::Open(path_, absl::ZeroDuration());
    ASSERT_TRUE(other.ok() && other->Run("CREATE TABLE links (x)").ok());
  }
  const absl::Status status = OpenSqliteLinkStore(path_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("another program"));
}

TEST_F(SqliteLinkStoreTest, RefusesALaterFormat) {
  Open();
  {
    absl::StatusOr<SqliteConnection> other =
        SqliteConnection::Open(path_, absl::ZeroDuration());
    ASSERT_TRUE(other.ok() && other->Run("PRAGMA user_version = 2").ok());
  }
  const absl::Status status = OpenSqliteLinkStore(path_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 2"));
}

TEST_F(SqliteLinkStoreTest, LeavesAFileThatIsNoDatabaseAlone) {
  const std::string text(1000, 'x');
  std::ofstream(path_) << text;
  const absl::Status status = OpenSqliteLinkStore(path_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  std::ifstream file(path_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), text);
}

TEST_F(SqliteLinkStoreTest, SaysThatADirectoryIsMissing) {
  const absl::Status status =
      OpenSqliteLinkStore(directory_ / "missing/links.db").status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("missing/links.db"));
}

TEST_F(SqliteLinkStoreTest, OpensWhatTheSpecDescribes) {
  EXPECT_TRUE(OpenLinkStore("sqlite:" + path_).ok());
  for (const char* spec : {"", "sqlite:", "mysql:x", "/path"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(OpenLinkStore(spec).status())) << spec;
  }
}

}  // namespace
}  // namespace espalier::links
