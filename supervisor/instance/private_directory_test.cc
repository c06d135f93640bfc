#include "supervisor/instance/private_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::HasSubstr;

mode_t ModeOf(const std::string& path) {
  struct stat found = {};
  lstat(path.c_str(), &found);
  return found.st_mode & 07777;
}

class PrivateDirectoryTest : public testing::Test {
 protected:
  PrivateDirectoryTest() {
    base_ = testing::TempDir() + "/private_XXXXXX";
    EXPECT_NE(mkdtemp(base_.data()), nullptr);
  }

  std::string base_;
};

TEST_F(PrivateDirectoryTest, HasTheModeWhateverTheUmask) {
  const mode_t old = umask(077);
  EXPECT_EQ(MakePrivateDirectory(base_ + "/a", 0711), absl::OkStatus());
  umask(old);
  EXPECT_EQ(ModeOf(base_ + "/a"), 0711u);
}

TEST_F(PrivateDirectoryTest, NarrowsOneThatIsReadableByOthers) {
  ASSERT_EQ(mkdir((base_ + "/a").c_str(), 0755), 0);
  EXPECT_EQ(MakePrivateDirectory(base_ + "/a", 0700), absl::OkStatus());
  EXPECT_EQ(ModeOf(base_ + "/a"), 0700u);
}

TEST_F(PrivateDirectoryTest, RefusesOneThatOthersCanWriteTo) {
  ASSERT_EQ(mkdir((base_ + "/a").c_str(), 0700), 0);
  ASSERT_EQ(chmod((base_ + "/a").c_str(), 0777), 0);
  const absl::Status refused = MakePrivateDirectory(base_ + "/a", 0700);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("chmod go-w " + base_ + "/a"));
}

TEST_F(PrivateDirectoryTest, RefusesAFileAndALink) {
  std::ofstream(base_ + "/file") << "x";
  // To a directory that would do.
  ASSERT_EQ(mkdir((base_ + "/real").c_str(), 0700), 0);
  ASSERT_EQ(symlink("real", (base_ + "/link").c_str()), 0);
  for (const char* name : {"/file", "/link"}) {
    const absl::Status refused = MakePrivateDirectory(base_ + name, 0700);
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr(base_ + name));
  }
}

TEST_F(PrivateDirectoryTest, RefusesSomebodyElses) {
  if (geteuid() == 0) {
    ASSERT_EQ(mkdir((base_ + "/a").c_str(), 0700), 0);
    ASSERT_EQ(chown((base_ + "/a").c_str(), 65534, 65534), 0);
    const absl::Status refused = MakePrivateDirectory(base_ + "/a", 0700);
    EXPECT_THAT(refused.message(), HasSubstr("belongs to the user"));
    EXPECT_FALSE(IsPrivateDirectory(base_ + "/a"));
  } else {
    EXPECT_THAT(MakePrivateDirectory("/proc", 0700).message(),
                HasSubstr("belongs to the user"));
    EXPECT_FALSE(IsPrivateDirectory("/proc"));
  }
}

TEST_F(PrivateDirectoryTest, MissingParentIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(MakePrivateDirectory(base_ + "/no/such", 0700)));
}

TEST_F(PrivateDirectoryTest, MakeDirectoriesLeavesWhatIsThereAlone) {
  ASSERT_EQ(mkdir((base_ + "/open").c_str(), 0700), 0);
  ASSERT_EQ(chmod((base_ + "/open").c_str(), 0777), 0);
  EXPECT_EQ(MakeDirectories(base_ + "/open/a/b", 0700), absl::OkStatus());
  EXPECT_EQ(ModeOf(base_ + "/open"), 0777u);
  EXPECT_EQ(ModeOf(base_ + "/open/a"), 0700u);
  EXPECT_TRUE(IsPrivateDirectory(base_ + "/open/a/b"));
}

TEST_F(PrivateDirectoryTest, MakeDirectoriesHaveTheModeWhateverTheUmask) {
  const mode_t old = umask(077);
  EXPECT_EQ(MakeDirectories(base_ + "/a/b", 0711), absl::OkStatus());
  umask(old);
  EXPECT_EQ(ModeOf(base_ + "/a"), 0711u);
  EXPECT_EQ(ModeOf(base_ + "/a/b"), 0711u);
}

TEST_F(PrivateDirectoryTest, MakeDirectoriesBelowAFileSaysWhichFile) {
  std::ofstream(base_ + "/file") << "x";
  const absl::Status refused = MakeDirectories(base_ + "/file/a", 0700);
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr(base_ + "/file is a file"));
}

TEST_F(PrivateDirectoryTest, ReadOnlyPlaceIsOneError) {
  // Nobody can make directories there, not even root.
  const absl::Status refused = MakeDirectories("/proc/1/a", 0700);
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr("/proc/1/a"));
}

}  // namespace
}  // namespace espalier
