#include "supervisor/instance/instance_list.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/instance/instance_lock.h"
#include "supervisor/instance/instance_paths.h"

namespace espalier {
namespace {

using testing::HasSubstr;

class InstanceListTest : public testing::Test {
 protected:
  InstanceListTest() {
    EXPECT_NE(mkdtemp(host_.tmp.data()), nullptr);
    host_.test_tmpdir = host_.tmp;
  }
  ~InstanceListTest() override { std::filesystem::remove_all(host_.tmp); }

  void Run(std::string environment, std::string instance = "default") {
    const absl::StatusOr<InstancePaths> paths =
        InstancePaths::Create({.environment = std::move(environment),
                               .instance = std::move(instance)},
                              host_);
    ASSERT_EQ(paths.status(), absl::OkStatus());
    absl::StatusOr<InstanceLock> lock = InstanceLock::Acquire(*paths);
    ASSERT_EQ(lock.status(), absl::OkStatus());
    locks_.push_back(*std::move(lock));
  }

  std::vector<std::string> Names(const InstanceSelector& selector = {}) {
    std::vector<std::string> names;
    for (const LockHolder& holder : ListInstances(selector, host_)) {
      names.push_back(holder.environment + "/" + holder.instance);
    }
    return names;
  }

  HostFacts host_ = {.uid = geteuid(),
                     .executable = "/opt/two/two",
                     .working_directory = "/",
                     .home = "/home/u",
                     .tmp = "/tmp/list_XXXXXX"};
  std::vector<InstanceLock> locks_;
};

TEST_F(InstanceListTest, ListsWhatRunsAndNothingElse) {
  EXPECT_TRUE(Names().empty());
  Run("two", "b");
  Run("two");
  Run("one");
  EXPECT_EQ(Names(),
            (std::vector<std::string>{"one/default", "two/b", "two/default"}));
  EXPECT_EQ(Names({.environment = "one"}),
            (std::vector<std::string>{"one/default"}));
  EXPECT_EQ(Names({.instance = "b"}), (std::vector<std::string>{"two/b"}));
  locks_.pop_back();
  EXPECT_EQ(Names(), (std::vector<std::string>{"two/b", "two/default"}));
}

TEST_F(InstanceListTest, StrayFilesAndLinksDoNoHarm) {
  Run("two");
  const std::string root = host_.StateRoot("");
  std::ofstream(root + "/file") << "x";
  std::filesystem::create_directories(root + "/empty/directory");
  std::filesystem::create_directory_symlink("/", root + "/link");
  EXPECT_EQ(Names(), (std::vector<std::string>{"two/default"}));
}

TEST_F(InstanceListTest, TheOnlyOneNeedsNoName) {
  Run("two");
  const absl::StatusOr<LockHolder> found = FindInstance({}, host_);
  ASSERT_EQ(found.status(), absl::OkStatus());
  EXPECT_EQ(found->environment, "two");
  EXPECT_EQ(found->pid, getpid());
}

TEST_F(InstanceListTest, SeveralNeedAName) {
  Run("two");
  Run("two", "b");
  const absl::Status unclear =
      FindInstance({.environment = "two"}, host_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(unclear)) << unclear;
  EXPECT_THAT(unclear.message(), HasSubstr("`two` (instance `b`), `two`"));
  EXPECT_EQ(FindInstance({.instance = "b"}, host_).status(), absl::OkStatus());
}

TEST_F(InstanceListTest, MissingOneIsToldWithWhatRuns) {
  EXPECT_EQ(FindInstance({.environment = "two"}, host_).status(),
            absl::NotFoundError("no environment `two` is running in this "
                                "checkout; start it with: bazel run "
                                "//environments:two"));
  Run("one");
  EXPECT_EQ(FindInstance({.environment = "two"}, host_).status(),
            absl::NotFoundError("no environment `two` is running in this "
                                "checkout; running: `one`"));
}

TEST_F(InstanceListTest, WhatHasRunIsKnown) {
  EXPECT_TRUE(absl::IsNotFound(FindKnownInstance({}, host_).status()));
  Run("two");
  const std::string directory = FindInstance({}, host_).value().state_directory;
  EXPECT_TRUE(FindKnownInstance({}, host_)->holder.has_value());
  locks_.clear();
  const absl::StatusOr<KnownInstance> two = FindKnownInstance({}, host_);
  ASSERT_EQ(two.status(), absl::OkStatus());
  EXPECT_EQ(two->environment, "two");
  EXPECT_EQ(two->instance, "default");
  EXPECT_EQ(two->state_directory, directory);
  EXPECT_FALSE(two->holder.has_value());

  Run("one");
  EXPECT_EQ(FindKnownInstance({}, host_)->environment, "one") << "it runs";
  locks_.clear();
  EXPECT_THAT(FindKnownInstance({}, host_).status().message(),
              HasSubstr("several environments have run: `one`, `two`"));
  EXPECT_EQ(FindKnownInstance({.environment = "two"}, host_)->environment,
            "two");
  EXPECT_TRUE(absl::IsNotFound(
      FindKnownInstance({.environment = "three"}, host_).status()));
}

}  // namespace
}  // namespace espalier
