#include "supervisor/keeper/program/own_cgroup.h"

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

TEST(OwnCgroupDirectoryTest, FindsAControllerOfVersionOne) {
  constexpr char kMounts[] =
      "31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
      "35 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
      "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  constexpr char kOwn[] = "4:memory:/a/b\n1:cpu,cpuacct:/c\n0::/\n";
  EXPECT_EQ(OwnCgroupDirectory(kMounts, kOwn, "memory"),
            "/sys/fs/cgroup/memory/a/b");
  EXPECT_EQ(OwnCgroupDirectory(kMounts, kOwn, "cpuacct"),
            "/sys/fs/cgroup/cpu/c");
  EXPECT_EQ(OwnCgroupDirectory(kMounts, kOwn, "pids"), std::nullopt);
  EXPECT_EQ(OwnCgroupDirectory(kUnified, kOwn, "memory"), std::nullopt);
}

TEST(OomKillsTest, F14CountsWhatTheKernelKilledForLackOfMemory) {
  EXPECT_EQ(OomKills("low 0\nhigh 0\nmax 12\noom 2\noom_kill 3\n"
                     "oom_group_kill 1\n"),
            3u);
  EXPECT_EQ(OomKills("low 0\nhigh 0\nmax 12\noom 2\noom_group_kill 1\n"), 0u);
  // Version 1, which has other lines.
  EXPECT_EQ(OomKills("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n"), 4u);
  EXPECT_EQ(OomKills(""), 0u);
}

}  // namespace
}  // namespace espalier::keeper
