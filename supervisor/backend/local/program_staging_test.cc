#include "supervisor/backend/local/program_staging.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "gtest/gtest.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// Somebody who is neither the owner nor in the group of what this test makes.
constexpr ServiceUser Stranger() {
  return {.uid = 4242, .gid = 4242, .name = "stranger"};
}

class ProgramStagingTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::create_directories(root_ / "closed/two.runfiles/repo/services");
    Write("closed/real_module.py", "module");
    Write("closed/two.runfiles/repo/services/report", "#!/usr/bin/python3\n");
    fs::create_symlink(root_ / "closed/real_module.py",
                       root_ / "closed/two.runfiles/repo/services/module.py");
    fs::permissions(root_ / "closed", fs::perms(0700));
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    std::ofstream(root_ / path) << text;
    fs::permissions(root_ / path, fs::perms(0755));
  }
  static std::string Read(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path root_;
};

TEST_F(ProgramStagingTest, CopiesTheRunfilesOfAScriptThatCannotBeReached) {
  ProgramStaging staging((root_ / "open").string(), Stranger());
  absl::StatusOr<std::string> staged = staging.Stage(
      (root_ / "closed/two.runfiles/repo/services/report").string());
  ASSERT_TRUE(staged.ok()) << staged.status();
  EXPECT_EQ(*staged,
            (root_ / "open/two.runfiles/repo/services/report").string());
  EXPECT_EQ(Read(*staged), "#!/usr/bin/python3\n");
  const fs::path module = root_ / "open/two.runfiles/repo/services/module.py";
  EXPECT_FALSE(fs::is_symlink(module))
      << "a link would lead back to where the user cannot go";
  EXPECT_EQ(Read(module), "module");
  EXPECT_EQ(fs::status(*staged).permissions() & fs::perms(0005),
            fs::perms(0005));
}

TEST_F(ProgramStagingTest, TheUserCanReachTheCopyWhateverTheUmask) {
  const mode_t old = umask(077);
  absl::StatusOr<std::string> staged =
      ProgramStaging((root_ / "open").string(), Stranger())
          .Stage((root_ / "closed/two.runfiles/repo/services/report").string());
  umask(old);
  ASSERT_TRUE(staged.ok()) << staged.status();
  for (fs::path at = *staged; at != root_; at = at.parent_path()) {
    EXPECT_EQ(fs::status(at).permissions() & fs::perms(0005), fs::perms(0005))
        << at;
  }
}

// As Bazel lays runfiles out: each is a link into another tree.
TEST_F(ProgramStagingTest, FindsTheCopyOfAScriptThatIsALink) {
  Write("closed/real_script", "#!/bin/sh\n");
  fs::create_symlink(root_ / "closed/real_script",
                     root_ / "closed/two.runfiles/repo/services/linked");
  ProgramStaging staging((root_ / "open").string(), Stranger());
  absl::StatusOr<std::string> staged = staging.Stage(
      (root_ / "closed/two.runfiles/repo/services/linked").string());
  ASSERT_TRUE(staged.ok()) << staged.status();
  EXPECT_EQ(*staged,
            (root_ / "open/two.runfiles/repo/services/linked").string());
  EXPECT_EQ(Read(*staged), "#!/bin/sh\n");
}

TEST_F(ProgramStagingTest, CopiesAgainOnlyWhatHasChanged) {
  const std::string program =
      (root_ / "closed/two.runfiles/repo/services/report").string();
  ASSERT_TRUE(ProgramStaging((root_ / "open").string(), Stranger())
                  .Stage(program)
                  .ok());
  const fs::path module = root_ / "open/two.runfiles/repo/services/module.py";
  // Same size and time as the original: taken as the same.
  const fs::file_time_type time = fs::last_write_time(module);
  std::ofstream(module) << "edited";
  fs::last_write_time(module, time);
  Write("closed/two.runfiles/repo/services/report", "#!/bin/sh\n");
  ASSERT_TRUE(ProgramStaging((root_ / "open").string(), Stranger())
                  .Stage(program)
                  .ok());
  EXPECT_EQ(Read(root_ / "open/two.runfiles/repo/services/report"),
            "#!/bin/sh\n");
  EXPECT_EQ(Read(module), "edited");
}

TEST_F(ProgramStagingTest, LeavesABinaryWhereItIs) {
  Write("closed/two.runfiles/repo/services/server",
        "\x7f"
        "ELF");
  const std::string program =
      (root_ / "closed/two.runfiles/repo/services/server").string();
  EXPECT_EQ(
      *ProgramStaging((root_ / "open").string(), Stranger()).Stage(program),
      program);
  EXPECT_FALSE(fs::exists(root_ / "open"));
}

TEST_F(ProgramStagingTest, LeavesAScriptThatTheUserCanReach) {
  const std::string program =
      (root_ / "closed/two.runfiles/repo/services/report").string();
  EXPECT_EQ(*ProgramStaging((root_ / "open").string(),
                            {.uid = getuid(), .gid = getgid(), .name = "me"})
                 .Stage(program),
            program);
}

TEST_F(ProgramStagingTest, SaysWhenAScriptLiesInNoRunfiles) {
  Write("closed/script", "#!/bin/sh\n");
  EXPECT_FALSE(ProgramStaging((root_ / "open").string(), Stranger())
                   .Stage((root_ / "closed/script").string())
                   .ok());
}

}  // namespace
}  // namespace espalier
