#include "supervisor/instance/instance_paths.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat found = {};
  EXPECT_EQ(lstat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777;
}

class InstancePathsTest : public testing::Test {
 protected:
  InstancePathsTest() {
    EXPECT_NE(mkdtemp(host_.tmp.data()), nullptr);
    data_ = host_.tmp + "/data";
  }
  ~InstancePathsTest() override { std::filesystem::remove_all(host_.tmp); }

  absl::StatusOr<InstancePaths> Create(std::string environment,
                                       std::string instance = "default") {
    return InstancePaths::Create({.environment = std::move(environment),
                                  .instance = std::move(instance),
                                  .data_dir = data_},
                                 host_);
  }

  HostFacts host_ = {.uid = geteuid(),
                     .executable = "/opt/two/two",
                     .working_directory = "/",
                     .home = "/home/u",
                     .tmp = "/tmp/paths_XXXXXX"};
  std::string data_;
};

TEST_F(InstancePathsTest, MakesPrivateDirectories) {
  const absl::StatusOr<InstancePaths> paths = Create("two");
  ASSERT_EQ(paths.status(), absl::OkStatus());
  EXPECT_EQ(paths->state_directory(), data_ + "/two/default");
  const mode_t mode = geteuid() == 0 ? 0711 : 0700;
  EXPECT_EQ(ModeOf(paths->state_directory()), mode);
  EXPECT_EQ(ModeOf(paths->logs_directory()), mode);
  EXPECT_EQ(ModeOf(paths->data_directory()), mode);
  EXPECT_EQ(ModeOf(paths->secrets_directory()), 0700u);
  EXPECT_EQ(ModeOf(paths->service_sockets_directory()), mode);
  EXPECT_EQ(ModeOf(paths->runtime_directory() + "/control"), 0700u);
  EXPECT_LE(paths->control_socket().size(), InstancePaths::kMaxSocketPath);
  // Once more, over what is there.
  EXPECT_EQ(Create("two").status(), absl::OkStatus());
}

TEST_F(InstancePathsTest, InstancesAreApart) {
  const absl::StatusOr<InstancePaths> one = Create("two", "a");
  const absl::StatusOr<InstancePaths> other = Create("two", "b");
  ASSERT_EQ(one.status(), absl::OkStatus());
  ASSERT_EQ(other.status(), absl::OkStatus());
  EXPECT_NE(one->state_directory(), other->state_directory());
  EXPECT_NE(one->runtime_directory(), other->runtime_directory());
}

TEST_F(InstancePathsTest, ResolvingTouchesNothing) {
  const absl::StatusOr<InstancePaths> paths =
      InstancePaths::Resolve({.environment = "two", .data_dir = data_}, host_);
  ASSERT_EQ(paths.status(), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(data_));
  EXPECT_FALSE(std::filesystem::exists(paths->runtime_directory()));
}

TEST_F(InstancePathsTest, RefusesNamesThatAreNoNames) {
  for (const std::string& bad :
       {std::string(), std::string("../x"), std::string("a/b"),
        std::string("."), std::string("-x"), std::string(65, 'x'),
        std::string("a\0b", 3), std::string("a b")}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Create(bad).status())) << bad;
    EXPECT_TRUE(absl::IsInvalidArgument(Create("two", bad).status())) << bad;
  }
}

TEST_F(InstancePathsTest, TheLongestNamesStillMakeAShortSocketPath) {
  const absl::StatusOr<InstancePaths> paths =
      Create(std::string(64, 'e'), std::string(64, 'i'));
  ASSERT_EQ(paths.status(), absl::OkStatus());
  EXPECT_LE(paths->control_socket().size(), InstancePaths::kMaxSocketPath);
}

TEST_F(InstancePathsTest, DataDirectoryThatIsAFileIsOneClearSentence) {
  std::ofstream(data_) << "x";
  const absl::Status refused = Create("two").status();
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr(data_));
  EXPECT_THAT(refused.message(), HasSubstr("is a file"));
  EXPECT_THAT(refused.message(), HasSubstr("--data_dir=DIRECTORY"));
  EXPECT_FALSE(absl::StrContains(refused.message(), "\n"));
}

TEST_F(InstancePathsTest, RuntimeRootThatSomebodyElsePreparedIsRefused) {
  const std::string root = host_.RuntimeRoot();
  ASSERT_EQ(symlink("/", root.c_str()), 0);
  const absl::Status refused = Create("two").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr(root));
}

TEST_F(InstancePathsTest, UserDirectoryKeepsItsMode) {
  ASSERT_EQ(mkdir(data_.c_str(), 0700), 0);
  ASSERT_EQ(chmod(data_.c_str(), 0755), 0);
  EXPECT_EQ(Create("two").status(), absl::OkStatus());
  EXPECT_EQ(ModeOf(data_), 0755u);
}

TEST_F(InstancePathsTest, RemovingTheRuntimeDirectoryLeavesTheState) {
  const absl::StatusOr<InstancePaths> one = Create("two", "a");
  const absl::StatusOr<InstancePaths> other = Create("two", "b");
  ASSERT_EQ(one.status(), absl::OkStatus());
  ASSERT_EQ(other.status(), absl::OkStatus());
  one->RemoveRuntimeDirectory();
  EXPECT_FALSE(std::filesystem::exists(one->runtime_directory()));
  EXPECT_TRUE(std::filesystem::exists(one->data_directory()));
  EXPECT_TRUE(std::filesystem::exists(other->runtime_directory()));
  other->RemoveRuntimeDirectory();
  EXPECT_FALSE(std::filesystem::exists(host_.RuntimeRoot()));
}

}  // namespace
}  // namespace espalier
