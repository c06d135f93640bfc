// What every store of links does, asked of each.

#include "services/links/server/link_store.h"

#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/common/testing/temp_path.h"
#include "services/links/server/open_link_store.h"
#include "services/links/server/postgres_connection.h"
#include "services/postgres/postgres.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_environment.h"

namespace espalier::links {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ServerEnvironment = TestEnvironment<Postgres>;

std::string SecretValue(const ServerEnvironment& server, const Secret& secret) {
  std::ifstream file(absl::StrCat(server.state_directory(), "/secrets/",
                                  secret.service(), ".", secret.name()));
  return {std::istreambuf_iterator<char>(file), {}};
}

// One PostgreSQL server for all tests; libpq finds it by the environment.
class PostgresServer {
 public:
  PostgresServer() {
    auto started = ServerEnvironment::Start(
        "link_store_test", [](Nursery& nursery) -> Task<Postgres> {
          co_return co_await StartPostgres(nursery);
        });
    EXPECT_TRUE(started.ok()) << started.status();
    if (!started.ok()) return;
    server_ = *std::move(started);
    const Postgres& postgres = server_->handles();
    setenv("PGDATABASE", postgres.database.c_str(), 1);
    setenv("PGUSER", postgres.user.c_str(), 1);
    setenv("PGPASSWORD", SecretValue(*server_, postgres.password).c_str(), 1);
    spec_ = Resolve(postgres.url);
  }

  const std::string& spec() const { return spec_; }
  ServerEnvironment& environment() { return *server_; }

  void Run(const std::string& sql) {
    auto connection = PostgresConnection::Open(spec_);
    ASSERT_TRUE(connection.ok()) << connection.status();
    const absl::Status status = connection->Run(sql).status();
    EXPECT_TRUE(status.ok()) << status;
  }

 private:
  std::unique_ptr<ServerEnvironment> server_;
  std::string spec_;
};

std::unique_ptr<PostgresServer> postgres_server;

void StartServerOnce() {
  if (postgres_server == nullptr)
    postgres_server = std::make_unique<PostgresServer>();
  postgres_server->Run("DROP TABLE IF EXISTS links");
}

// The server must be gone before the test's directories are.
class StopServer : public testing::Environment {
  void TearDown() override { postgres_server.reset(); }
};
const testing::Environment* const stop_server =
    testing::AddGlobalTestEnvironment(new StopServer);

class LinkStoreTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    spec_ = absl::StrCat("sqlite:", directory_ / "links.db");
    if (GetParam() != "postgres") return;
    StartServerOnce();
    spec_ = postgres_server->spec();
  }

  std::unique_ptr<LinkStore> Open() {
    absl::StatusOr<std::unique_ptr<LinkStore>> store = OpenLinkStore(spec_);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

  TempPath directory_;
  std::string spec_;
};

INSTANTIATE_TEST_SUITE_P(Stores, LinkStoreTest,
                         testing::Values("sqlite", "postgres"),
                         [](const auto& info) { return info.param; });

TEST_P(LinkStoreTest, KeepsLinks) {
  const std::unique_ptr<LinkStore> store = Open();
  EXPECT_EQ(*store->Add({"a", "http://x"}), true);
  EXPECT_EQ(*store->Get("a"), (Link{"a", "http://x"}));
  EXPECT_TRUE(absl::IsNotFound(store->Get("b").status()));
}

TEST_P(LinkStoreTest, TheSameLinkAgainIsNoConflict) {
  const std::unique_ptr<LinkStore> store = Open();
  EXPECT_EQ(*store->Add({"a", "http://x"}), true);
  EXPECT_EQ(*store->Add({"a", "http://x"}), false);
  const absl::Status conflict = store->Add({"a", "http://y"}).status();
  EXPECT_TRUE(absl::IsAlreadyExists(conflict)) << conflict;
  EXPECT_EQ(store->Get("a")->url, "http://x");
}

TEST_P(LinkStoreTest, CodesDifferInCase) {
  const std::unique_ptr<LinkStore> store = Open();
  EXPECT_EQ(*store->Add({"a", "http://x"}), true);
  EXPECT_EQ(*store->Add({"A", "http://y"}), true);
}

TEST_P(LinkStoreTest, ListsInByteOrder) {
  const std::unique_ptr<LinkStore> store = Open();
  EXPECT_THAT(*store->List("", 10), IsEmpty());
  for (const char* code : {"b", "_", "a", "B", "-"}) {
    ASSERT_TRUE(store->Add({code, "http://x"}).ok());
  }
  const auto code = [](std::string code) { return Link{code, "http://x"}; };
  EXPECT_THAT(*store->List("", 3),
              ElementsAre(code("-"), code("B"), code("_")));
  EXPECT_THAT(*store->List("_", 3), ElementsAre(code("a"), code("b")));
  EXPECT_THAT(*store->List("b", 3), IsEmpty());
}

TEST_P(LinkStoreTest, QuotesAreData) {
  const std::unique_ptr<LinkStore> store = Open();
  EXPECT_EQ(*store->Add({"a'); DROP TABLE links; --", "http://x"}), true);
  EXPECT_TRUE(absl::IsNotFound(store->Get("' OR '1'='1").status()));
}

TEST_P(LinkStoreTest, TwoConnectionsSeeEachOthersLinks) {
  const std::unique_ptr<LinkStore> first = Open();
  const std::unique_ptr<LinkStore> second = Open();
  EXPECT_EQ(*first->Add({"a", "http://x"}), true);
  EXPECT_EQ(second->Get("a")->url, "http://x");
  EXPECT_TRUE(absl::IsAlreadyExists(second->Add({"a", "http://y"}).status()));
  EXPECT_EQ(*second->Add({"b", "http://y"}), true);
  EXPECT_EQ(first->Get("b")->url, "http://y");
}

TEST_P(LinkStoreTest, ManyWritersAtOnceLoseNothing) {
  constexpr int kWriters = 4;
  constexpr int kLinks = 25;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([this, writer] {
      // Each opens the file for itself, at the same time as the others.
      const std::unique_ptr<LinkStore> store = Open();
      for (int i = 0; i < kLinks; ++i) {
        const auto added =
            store->Add({absl::StrCat(writer, "-", i), "http://x"});
        EXPECT_TRUE(added.ok()) << added.status();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Open()->List("", 1000)->size(), kWriters * kLinks);
}

class PostgresLinkStoreTest : public testing::Test {
 protected:
  void SetUp() override { StartServerOnce(); }
  const std::string& spec() const { return postgres_server->spec(); }
};

TEST_F(PostgresLinkStoreTest, ConnectsAgainWhenTheServerHasRestarted) {
  auto store = OpenLinkStore(spec());
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)->Add({"a", "http://x"}).ok());
  ServerEnvironment& server = postgres_server->environment();
  auto restarted = server.KillAndAwaitRestart("postgres");
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  // The very first call finds the connections of before dead, and does not
  // mind.
  const absl::StatusOr<Link> found = (*store)->Get("a");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->url, "http://x");
  EXPECT_EQ(*(*store)->Add({"b", "http://y"}), true);
}

TEST_F(PostgresLinkStoreTest, AServerThatIsNotThereMayComeBack) {
  TempPath nowhere;
  const absl::Status status =
      OpenLinkStore(absl::StrCat("postgresql:///?host=", nowhere / "x"))
          .status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST_F(PostgresLinkStoreTest, AWrongPasswordOrDatabaseDoesNotPass) {
  for (const char* wrong : {"&password=wrong", "&dbname=none", "&user=none"}) {
    const absl::Status status = OpenLinkStore(spec() + wrong).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << wrong << status;
  }
}

TEST_F(PostgresLinkStoreTest, RefusesAnotherProgramsTable) {
  postgres_server->Run("CREATE TABLE links (x int)");
  const absl::Status status = OpenLinkStore(spec()).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("x integer"));
}

}  // namespace
}  // namespace espalier::links
