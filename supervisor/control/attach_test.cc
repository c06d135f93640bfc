#include "supervisor/control/attach.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/control/fake_environment.h"

namespace espalier {
namespace {

using testing::HasSubstr;

template <typename Url>
struct Store {
  Url url;
  std::string database;
  ESPALIER_HANDLE(Store, url, database);
};

class AttachTest : public testing::Test {
 protected:
  AttachTest() {
    EXPECT_NE(mkdtemp(host_.tmp.data()), nullptr);
    host_.test_tmpdir = host_.tmp;
  }
  ~AttachTest() override { std::filesystem::remove_all(host_.tmp); }

  HostFacts host_ = {.uid = geteuid(),
                     .executable = "/opt/test",
                     .working_directory = "/",
                     .home = "/home/u",
                     .tmp = "/tmp/attach_XXXXXX"};
  const Store<RedisUrl> store_ = {
      .url = EndpointAccess::Make<RedisUrl>({.service = "links",
                                             .name = "url",
                                             .host = "127.0.0.1",
                                             .port = "4000"}),
      .database = "app"};
};

TEST_F(AttachTest, GivesTheHandleOfTheRunningService) {
  const FakeEnvironment two(host_, "two", store_.ToHandleData());
  Attached attached = Attach({.environment = "two"}, host_);
  ASSERT_EQ(attached.status(), absl::OkStatus());
  EXPECT_EQ(attached.environment().pid, getpid());
  const absl::StatusOr<Store<RedisUrl>> store =
      attached.Get<Store<RedisUrl>>("links");
  ASSERT_EQ(store.status(), absl::OkStatus());
  EXPECT_EQ(*store, store_);
  const absl::StatusOr<Store<RedisUrl>> whole = attached.Get<Store<RedisUrl>>();
  ASSERT_EQ(whole.status(), absl::OkStatus());
  EXPECT_EQ(*whole, store_);
}

TEST_F(AttachTest, AnEnvironmentMayGiveNoHandle) {
  const FakeEnvironment two(host_, "two");
  EXPECT_THAT(Attach({}, host_).Get<Store<HttpUrl>>().status().message(),
              HasSubstr("`two` gives no handle: it is not ready yet, or"));
}

TEST_F(AttachTest, ErrorsSayWhatIsThereInstead) {
  const FakeEnvironment two(host_, "two", store_.ToHandleData());
  Attached attached = Attach({}, host_);
  EXPECT_EQ(attached.Get<Store<HttpUrl>>("links").status(),
            absl::InvalidArgumentError(
                "`links` of environment `two` is a Store<RedisUrl>, not a "
                "Store<HttpUrl>"));
  EXPECT_EQ(attached.Get<Store<HttpUrl>>("lnks").status(),
            absl::NotFoundError("environment `two` has no service `lnks`; "
                                "there are: links (Store<RedisUrl>), gateway"));
  EXPECT_EQ(attached.Get<Store<HttpUrl>>("gateway").status(),
            absl::InvalidArgumentError(
                "`gateway` of environment `two` gives no handle"));
}

TEST_F(AttachTest, AHandleOfAnotherBuildIsRefused) {
  HandleData older = store_.ToHandleData();
  older.fields.pop_back();
  const FakeEnvironment two(host_, "two", older);
  EXPECT_THAT(
      Attach({}, host_).Get<Store<RedisUrl>>("links").status().message(),
      HasSubstr("was built from another `links` than this program: "
                "`links.database` is missing"));
}

TEST_F(AttachTest, NothingRuns) {
  Attached attached = Attach({.environment = "two"}, host_);
  EXPECT_TRUE(absl::IsNotFound(attached.status())) << attached.status();
  EXPECT_EQ(attached.Get<Store<RedisUrl>>("links").status(), attached.status());
}

}  // namespace
}  // namespace espalier
