// A real PostgreSQL server that follows another one.

#include "services/postgres/replica.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/postgres/testing/query.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_directory.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

struct Pair {
  Postgres primary;
  PostgresReplica replica;
};
using Environment = TestEnvironment<Pair>;

absl::StatusOr<std::unique_ptr<Environment>> Start(
    const std::string& data_dir = "") {
  return Environment::Start(
      "replica_test",
      [](Nursery& nursery) -> Task<Pair> {
        Postgres primary = co_await StartPostgres(
            nursery, {.initial_sql = "CREATE TABLE n (x int)"});
        PostgresReplica replica =
            co_await StartPostgresReplica(nursery, primary);
        co_return Pair{.primary = primary, .replica = replica};
      },
      {.data_dir = data_dir});
}

class PostgresReplicaTest : public testing::Test {
 protected:
  void SetUp() override { StartAgain(); }

  void StartAgain() {
    auto started = Start(directory_.path());
    ASSERT_TRUE(started.ok()) << started.status();
    environment_ = *std::move(started);
  }

  void Write(int x) {
    EXPECT_EQ(Query(*environment_, environment_->handles().primary,
                    absl::StrCat("INSERT INTO n VALUES (", x, ")")),
              "");
  }

  std::string Read(const std::string& sql) {
    return Query(*environment_, environment_->handles().replica.read_only, sql);
  }

  // Expects that sooner or later this is all there is in the replica. Nothing
  // there tells when a row arrives; its server is asked again and again.
  void ExpectArrives(const std::string& sum) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    std::string found;
    do {
      found = Read("SELECT sum(x) FROM n, pg_sleep(0.005)");
    } while (found != sum + "\n" && absl::Now() < deadline);
    EXPECT_EQ(found, sum + "\n");
  }

  TestDirectory directory_;
  std::unique_ptr<Environment> environment_;
};

TEST_F(PostgresReplicaTest, ShowsWhatIsWrittenToThePrimaryAndTakesNoWrites) {
  Write(1);
  ExpectArrives("1");
  EXPECT_EQ(Read("SELECT pg_is_in_recovery()"), "t\n");
  EXPECT_THAT(Read("BEGIN READ WRITE"), HasSubstr("during recovery"));
  // From the owner neither.
  const Postgres& primary = environment_->handles().primary;
  const PostgresReadOnly& replica = environment_->handles().replica.read_only;
  EXPECT_THAT(
      QueryAs(primary.user, SecretValue(*environment_, primary.password),
              replica.url, replica.database, "INSERT INTO n VALUES (7)"),
      HasSubstr("in a read-only transaction"));
}

TEST_F(PostgresReplicaTest, EachMayDieWithoutTheOther) {
  Write(1);
  ExpectArrives("1");
  const pid_t primary = environment_->Get("postgres").pid;
  ASSERT_TRUE(environment_->KillAndAwaitRestart("postgres-replica").ok());
  EXPECT_EQ(environment_->Get("postgres").pid, primary);
  Write(2);
  ExpectArrives("3");

  const pid_t replica = environment_->Get("postgres-replica").pid;
  ASSERT_TRUE(environment_->KillAndAwaitRestart("postgres").ok());
  EXPECT_EQ(environment_->Get("postgres-replica").pid, replica);
  Write(4);
  ExpectArrives("7");
}

TEST_F(PostgresReplicaTest, AnswersWhileThePrimaryIsFrozenAndCatchesUp) {
  Write(1);
  ExpectArrives("1");
  environment_->Freeze("postgres");
  EXPECT_EQ(Read("SELECT x FROM n"), "1\n");
  // It restarts without the primary, too.
  EXPECT_TRUE(environment_->KillAndAwaitRestart("postgres-replica").ok());
  EXPECT_EQ(Read("SELECT x FROM n"), "1\n");
  environment_->Thaw("postgres");
  Write(2);
  ExpectArrives("3");
}

TEST_F(PostgresReplicaTest, TheNextRunGoesOnWhereItWas) {
  Write(1);
  ExpectArrives("1");
  const std::string copied = "/data/postgres-replica/cluster/PG_VERSION";
  const auto made =
      fs::last_write_time(environment_->state_directory() + copied);
  environment_.reset();
  StartAgain();
  EXPECT_EQ(fs::last_write_time(environment_->state_directory() + copied),
            made);
  Write(2);
  ExpectArrives("3");
}

TEST_F(PostgresReplicaTest, NeverFollowsAnotherPrimaryThanThatItWasMadeOf) {
  const std::string state = environment_->state_directory();
  environment_.reset();
  fs::remove_all(state + "/data/postgres");
  const std::string control =
      state + "/data/postgres-replica/cluster/global/pg_control";
  const auto before = fs::last_write_time(control);
  const absl::Status status = Start(directory_.path()).status();
  EXPECT_THAT(std::string(status.message()),
              testing::AllOf(HasSubstr("postgres-replica-copy"),
                             HasSubstr("is of another primary")));
  EXPECT_EQ(fs::last_write_time(control), before);
}

}  // namespace
}  // namespace espalier
