// A PostgreSQL server that belongs to another environment, with its passwords
// given by a file and an environment variable.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/links/links.h"
#include "services/postgres/external.h"
#include "services/postgres/replica.h"
#include "services/postgres/testing/query.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/environment_test.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

struct Elsewhere {
  Postgres primary;
  PostgresReplica replica;
};

// One pair of servers for all tests, which only look at it.
class ExternalPostgresTest
    : public EnvironmentTestSuite<ExternalPostgresTest, Elsewhere> {
 public:
  static Task<Elsewhere> Start(Nursery& nursery) {
    Postgres primary = co_await StartPostgres(
        nursery, {.initial_sql = "CREATE TABLE cats (name text)"});
    PostgresReplica replica = co_await StartPostgresReplica(nursery, primary);
    co_return Elsewhere{.primary = primary, .replica = replica};
  }

 protected:
  void SetUp() override {
    EnvironmentTestSuite::SetUp();
    // Of a form that needs care, and is given as a person's editor leaves it.
    const std::string password = "a:b\\c";
    const Postgres& primary = handles().primary;
    EXPECT_EQ(Query(environment(), primary,
                    absl::StrCat("ALTER ROLE app PASSWORD '", password, "'"),
                    password_),
              "");
    password_ = password;
    std::ofstream(file_) << password << "\n";
    fs::permissions(file_, fs::perms(0600));
    setenv("READER_PASSWORD",
           SecretValue(environment(), primary.read_only.password).c_str(), 1);
  }

  static std::string AddressOf(const PostgresUrl& url) {
    return EndpointAccess::Address(url).path;
  }
  PostgresLogin Owner() const { return {"app", Secret::FromFile(file_)}; }
  static PostgresLogin Reader() {
    return {"app_reader", Secret::FromVariable("READER_PASSWORD")};
  }
  PostgresAccess Access() const {
    return {.database = "app", .owner = Owner(), .reader = Reader()};
  }

  template <typename T, typename HowToLogIn>
  static absl::Status Use(const PostgresUrl& url, HowToLogIn access) {
    const std::string address = AddressOf(url);
    return TestEnvironment<T>::Start(
               "user",
               [address, access](Nursery& nursery) -> Task<T> {
                 co_return co_await External<T>(nursery, "theirs", address,
                                                access);
               })
        .status();
  }

  static inline std::string password_;
  TestDirectory directory_;
  const std::string file_ = directory_.path() + "/password";
};

TEST_F(ExternalPostgresTest, IsAHandleLikeAnyOther) {
  const std::string address = AddressOf(handles().primary.url);
  const PostgresAccess access = Access();
  const auto links = TestEnvironment<Links<HttpUrl>>::Start(
      "user", [address, access](Nursery& nursery) -> Task<Links<HttpUrl>> {
        Postgres store =
            co_await External<Postgres>(nursery, "store", address, access);
        co_return co_await StartLinks<HttpUrl>(nursery, store);
      });
  ASSERT_TRUE(links.ok()) << links.status();
  EXPECT_EQ(Query(environment(), handles().primary,
                  "SELECT count(*) FROM links", password_),
            "0\n");
}

TEST_F(ExternalPostgresTest, CanBeFollowedIfSomebodyMay) {
  const Postgres& primary = handles().primary;
  const std::string address = AddressOf(primary.url);
  const auto follow = [&](PostgresAccess access) {
    return TestEnvironment<PostgresReplica>::Start(
               "user",
               [address, access](Nursery& nursery) -> Task<PostgresReplica> {
                 Postgres store = co_await External<Postgres>(nursery, "store",
                                                              address, access);
                 co_return co_await StartPostgresReplica(nursery, store);
               })
        .status();
  };
  PostgresAccess access = Access();
  EXPECT_THAT(std::string(follow(access).message()),
              AllOf(HasSubstr("'postgres-replica' cannot follow"),
                    HasSubstr(".replicator")));
  setenv("REPLICATOR_PASSWORD",
         SecretValue(environment(), primary.replicator->password).c_str(), 1);
  access.replicator = {primary.replicator->user,
                       Secret::FromVariable("REPLICATOR_PASSWORD")};
  EXPECT_EQ(follow(access), absl::OkStatus());
}

TEST_F(ExternalPostgresTest, EachRoleIsTakenForWhatItIs) {
  const PostgresUrl& primary = handles().primary.url;
  const PostgresUrl& replica = handles().replica.read_only.url;
  const PostgresReadAccess reader = {.database = "app", .reader = Reader()};
  EXPECT_EQ(Use<PostgresReadOnly>(primary, reader), absl::OkStatus());
  EXPECT_EQ(Use<PostgresReadOnly>(replica, reader), absl::OkStatus());
  EXPECT_EQ(Use<PostgresReplica>(replica, reader), absl::OkStatus());
  EXPECT_THAT(
      std::string(Use<PostgresReplica>(primary, reader).message()),
      AllOf(HasSubstr("theirs-check"), HasSubstr("this server is a primary")));
  EXPECT_THAT(
      std::string(Use<Postgres>(replica, Access()).message()),
      AllOf(HasSubstr("theirs-check"), HasSubstr("this server is a replica")));
}

TEST_F(ExternalPostgresTest, RolesThatAreNotWhatTheySayAreRefused) {
  const PostgresUrl& url = handles().primary.url;
  PostgresAccess swapped = Access();
  swapped.owner = Reader();
  EXPECT_THAT(std::string(Use<Postgres>(url, swapped).message()),
              HasSubstr("the role app_reader does not own the database app"));
  swapped = Access();
  swapped.reader = Owner();
  EXPECT_THAT(std::string(Use<Postgres>(url, swapped).message()),
              HasSubstr("the role app is to read only, and may change cats"));
}

TEST_F(ExternalPostgresTest, AWrongPasswordIsToldWithoutIt) {
  std::ofstream(file_) << "hunter2\n";
  const absl::Status status = Use<Postgres>(handles().primary.url, Access());
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr("theirs-check"),
            HasSubstr("password authentication failed for user \"app\""),
            testing::Not(HasSubstr("hunter2"))));
}

TEST_F(ExternalPostgresTest, APasswordThatOthersMayReadIsRefused) {
  fs::permissions(file_, fs::perms(0644));
  const absl::Status status = Use<Postgres>(handles().primary.url, Access());
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("theirs-check"), HasSubstr(file_),
                    HasSubstr("chmod 600")));
}

TEST_F(ExternalPostgresTest, APasswordThatNobodyGaveIsNamed) {
  unsetenv("READER_PASSWORD");
  const absl::Status status = Use<Postgres>(handles().primary.url, Access());
  EXPECT_THAT(std::string(status.message()), HasSubstr("READER_PASSWORD"));
}

}  // namespace
}  // namespace espalier
