#include "supervisor/backend/local/program_finder.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

class ProgramFinderTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string Make(const std::string& path, fs::perms mode) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << "x";
    fs::permissions(root_ / path, mode);
    return (root_ / path).string();
  }

  fs::path root_;
};

TEST_F(ProgramFinderTest, FindsABuiltProgramInAnyRepository) {
  const std::string path =
      Make("some_repository/services/a/a_server", fs::perms(0755));
  EXPECT_EQ(*ProgramFinder({root_.string()})
                 .Find(Program::Built("services/a/a_server")),
            path);
}

TEST_F(ProgramFinderTest, AMissingBuiltProgramSaysWhereItWasLookedFor) {
  absl::Status status = ProgramFinder({root_.string()})
                            .Find(Program::Built("services/a/a_server"))
                            .status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_TRUE(absl::StrContains(status.message(), "services/a/a_server"))
      << status;
  EXPECT_TRUE(absl::StrContains(status.message(), root_.string())) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "`data`")) << status;
}

TEST_F(ProgramFinderTest, TakesNoFileThatCannotBeExecuted) {
  Make("r/services/a/a_server", fs::perms(0644));
  EXPECT_FALSE(ProgramFinder({root_.string()})
                   .Find(Program::Built("services/a/a_server"))
                   .ok());
}

TEST_F(ProgramFinderTest, PrefersTheDirectoriesOfTheCommandForASystemProgram) {
  const std::string path = Make("bin/sh", fs::perms(0755));
  EXPECT_EQ(*ProgramFinder({}).Find(
                Program::System("sh", "dash", {(root_ / "bin").string()})),
            path);
  EXPECT_TRUE(absl::EndsWith(
      *ProgramFinder({}).Find(Program::System("sh", "dash")), "/bin/sh"));
}

TEST_F(ProgramFinderTest, AMissingSystemProgramNamesThePackage) {
  absl::Status status =
      ProgramFinder({})
          .Find(Program::System("no-such-server", "no-such-package"))
          .status();
  EXPECT_TRUE(
      absl::StrContains(status.message(), "apt-get install no-such-package"))
      << status;
}

}  // namespace
}  // namespace espalier
