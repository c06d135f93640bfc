// A real PostgreSQL server, started, asked, killed and damaged.

#include "services/postgres/postgres.h"

#include <libpq-fe.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/postgres/testing/query.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_directory.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using Environment = TestEnvironment<Postgres>;

absl::StatusOr<std::unique_ptr<Environment>> Start(
    PostgresOptions postgres = {}, const std::string& data_dir = "") {
  return Environment::Start("postgres_test",
                            [postgres](Nursery& nursery) -> Task<Postgres> {
                              co_return co_await StartPostgres(nursery,
                                                               postgres);
                            },
                            {.data_dir = data_dir});
}

std::string ReadFile(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string ClusterOf(const std::string& state_directory) {
  return state_directory + "/data/postgres/cluster";
}

TEST(PostgresTest, ItsOwnerWritesAndItsReaderReads) {
  auto started = Start({.database = "shop",
                        .user = "keeper",
                        .databases = {"archive"},
                        .initial_sql = "CREATE TABLE cats (name text);\n"
                                       "INSERT INTO cats VALUES ('Tom')"});
  ASSERT_TRUE(started.ok()) << started.status();
  const Environment& environment = **started;
  const Postgres& postgres = environment.handles();
  EXPECT_EQ(Query(environment, postgres, "SELECT name FROM cats"), "Tom\n");
  EXPECT_EQ(Query(environment, postgres,
                  "INSERT INTO cats VALUES ('Garfield') RETURNING name"),
            "Garfield\n");
  EXPECT_EQ(Query(environment, postgres.Database("archive"),
                  "CREATE TABLE old (x int); SELECT current_database()"),
            "archive\n");

  const PostgresReadOnly& reader = postgres.read_only;
  EXPECT_EQ(Query(environment, reader, "SELECT count(*) FROM cats"), "2\n");
  EXPECT_THAT(Query(environment, reader,
                    "BEGIN READ WRITE; "
                    "INSERT INTO cats VALUES ('x')"),
              HasSubstr("permission denied"));
  EXPECT_THAT(Query(environment, reader, "CREATE TABLE mine (x int)"),
              HasSubstr("read-only"));
  // Neither is what it is without its own password, nor the superuser.
  EXPECT_THAT(Query(environment, postgres, "SELECT 1",
                    SecretValue(environment, reader.password)),
              HasSubstr("password authentication failed"));
  EXPECT_EQ(Query(environment, postgres,
                  "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"),
            "f\n");
}

TEST(PostgresTest, DataSurviveKillAndRestartAndTheNextRun) {
  TestDirectory directory;
  const PostgresOptions options = {.initial_sql =
                                       "CREATE TABLE n (x int PRIMARY KEY)"};
  {
    auto started = Start(options, directory.path());
    ASSERT_TRUE(started.ok()) << started.status();
    Environment& environment = **started;
    const Postgres postgres = environment.handles();
    EXPECT_EQ(Query(environment, postgres, "INSERT INTO n VALUES (1)"), "");
    auto restarted = environment.KillAndAwaitRestart("postgres");
    ASSERT_TRUE(restarted.ok()) << restarted.status();
    // Ready means that a query is answered, at once.
    EXPECT_EQ(Query(environment, postgres, "SELECT x FROM n"), "1\n");
    EXPECT_EQ(Query(environment, postgres, "INSERT INTO n VALUES (2)"), "");
    EXPECT_EQ(environment.Stop(), absl::OkStatus());
    EXPECT_THAT(ReadFile(environment.Get("postgres").log_file),
                HasSubstr("database system is shut down"));
  }
  // The next run skips what is done, and keeps what is there, although more is
  // asked for.
  PostgresOptions more = options;
  more.databases = {"another"};
  auto started = Start(more, directory.path());
  ASSERT_TRUE(started.ok()) << started.status();
  const Environment& environment = **started;
  EXPECT_EQ(environment.Get("postgres-cluster").pid, 0);
  EXPECT_EQ(Query(environment, environment.handles(), "SELECT sum(x) FROM n"),
            "3\n");
  EXPECT_EQ(Query(environment, environment.handles().Database("another"),
                  "SELECT current_database()"),
            "another\n");
  // It was asked to end in time: the only recovery is the one after the kill.
  const std::vector<std::string> parts =
      absl::StrSplit(ReadFile(environment.Get("postgres").log_file),
                     "automatic recovery in progress");
  EXPECT_EQ(parts.size(), 2u);
}

// Starts on a data directory that is not as it should be, and expects an error
// with these words; the directory must be as it was.
void ExpectRefused(const fs::path& data_dir, const std::string& words) {
  std::string before, after;
  const auto listing = [&] {
    std::string all;
    const fs::path cluster =
        ClusterOf((data_dir / "postgres_test/default").string());
    for (const auto& entry : fs::recursive_directory_iterator(cluster)) {
      if (!entry.is_regular_file()) continue;
      absl::StrAppend(&all, entry.path().string(), " ", entry.file_size(), " ",
                      entry.last_write_time().time_since_epoch().count(), "\n");
    }
    return all;
  };
  before = listing();
  const absl::Status status = Start({}, data_dir.string()).status();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  EXPECT_EQ(listing(), before);
}

class RefusedPostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    auto started = Start({}, directory_.path());
    ASSERT_TRUE(started.ok()) << started.status();
  }
  fs::path cluster() const {
    return ClusterOf(directory_.path() + "/postgres_test/default");
  }
  TestDirectory directory_;
};

TEST_F(RefusedPostgresTest, AnotherVersion) {
  std::ofstream(cluster() / "PG_VERSION") << "14\n";
  ExpectRefused(directory_.path(), "initialized by PostgreSQL version 14");
}

TEST_F(RefusedPostgresTest, NoVersion) {
  fs::remove(cluster() / "PG_VERSION");
  ExpectRefused(directory_.path(),
                "is damaged: it has files, but no PG_VERSION");
}

TEST_F(RefusedPostgresTest, NoControlFile) {
  fs::remove(cluster() / "global/pg_control");
  ExpectRefused(directory_.path(), "global/pg_control");
}

TEST(PostgresTest, WhatToInstallIsSaidWhereItIsMissing) {
  for (const auto& [program, package] : std::map<std::string, std::string>{
           {"postgres", "postgresql-15"}, {"psql", "postgresql-client-15"}}) {
    const absl::Status status =
        Environment::Start("postgres_test",
                           [](Nursery& nursery) -> Task<Postgres> {
                             co_return co_await StartPostgres(nursery);
                           },
                           {.not_installed = {program}})
            .status();
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("install it with: sudo apt-get install " + package));
  }
  ChildProgram make_cluster({"services/postgres/make_cluster",
                             "--cluster=nowhere", "--programs=/nowhere",
                             "--package=postgresql-15"});
  EXPECT_EQ(make_cluster.Wait(), 125);
  EXPECT_THAT(make_cluster.output(),
              HasSubstr("install it with: sudo apt-get install postgresql-15"));
}

TEST(PostgresTest, LostPasswordsAreMadeAnewAndTheDataAreKept) {
  TestDirectory directory;
  const PostgresOptions options = {.initial_sql =
                                       "CREATE TABLE n AS SELECT 7 AS x"};
  std::string lost;
  {
    auto started = Start(options, directory.path());
    ASSERT_TRUE(started.ok()) << started.status();
    lost = SecretValue(**started, (*started)->handles().password);
    fs::remove_all((*started)->state_directory() + "/secrets");
  }
  auto started = Start(options, directory.path());
  ASSERT_TRUE(started.ok()) << started.status();
  const Postgres& postgres = (*started)->handles();
  EXPECT_NE(SecretValue(**started, postgres.password), lost);
  EXPECT_EQ(Query(**started, postgres, "SELECT x FROM n"), "7\n");
  EXPECT_EQ(Query(**started, postgres.read_only, "SELECT x FROM n"), "7\n");
  EXPECT_THAT(Query(**started, postgres, "SELECT 1", lost),
              HasSubstr("password authentication failed"));
}

TEST(PostgresNamesTest, ABadNameIsAnErrorBeforeAnythingRuns) {
  for (const char* name :
       {"", "Shop", "a-b", "postgres", "pg_x", "1a", "a\"b", "template1"}) {
    const absl::Status status = Start({.database = name}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << name << ": " << status;
  }
}

}  // namespace
}  // namespace espalier
