#include "supervisor/keeper/program/cgroup_tree_killer.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

constexpr char kUnified[] =
    "24 1 0:22 / /proc rw,nosuid - proc proc rw\n"
    "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";

TEST(OwnCgroupDirectoryTest, IsBelowTheMountPoint) {
  EXPECT_EQ(OwnCgroupDirectory(kUnified, "0::/user.slice/session-1.scope\n"),
            "/sys/fs/cgroup/user.slice/session-1.scope");
  EXPECT_EQ(OwnCgroupDirectory(kUnified, "0::/\n"), "/sys/fs/cgroup");
}

TEST(OwnCgroupDirectoryTest, IsFoundBesideVersionOne) {
  EXPECT_EQ(OwnCgroupDirectory(
                "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
                "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
                "4:memory:/elsewhere\n0::/here\n"),
            "/sys/fs/cgroup/unified/here");
}

TEST(OwnCgroupDirectoryTest, AMountMayShowOnlyAPart) {
  const std::string mount =
      "30 24 0:26 /docker/1 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n";
  EXPECT_EQ(OwnCgroupDirectory(mount, "0::/docker/1/a\n"), "/sys/fs/cgroup/a");
  EXPECT_EQ(OwnCgroupDirectory(mount, "0::/docker/1\n"), "/sys/fs/cgroup");
  EXPECT_EQ(OwnCgroupDirectory(mount, "0::/docker/12\n"), std::nullopt);
  EXPECT_EQ(OwnCgroupDirectory(kUnified, "0::/../outside\n"), std::nullopt);
}

TEST(OwnCgroupDirectoryTest, IsNothingWithoutVersionTwo) {
  EXPECT_EQ(OwnCgroupDirectory("", "0::/\n"), std::nullopt);
  EXPECT_EQ(OwnCgroupDirectory(kUnified, "4:memory:/\n"), std::nullopt);
  EXPECT_EQ(OwnCgroupDirectory(kUnified, ""), std::nullopt);
}

}  // namespace
}  // namespace espalier::keeper
