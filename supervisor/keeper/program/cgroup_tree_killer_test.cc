#include "supervisor/keeper/program/cgroup_tree_killer.h"

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

TEST(CgroupLimitsTest, OnlyWhatIsAskedForIsWritten) {
  EXPECT_TRUE(LimitFiles({}).empty());
  const auto files =
      LimitFiles({.memory_bytes = 1 << 20, .cpu_us = 50'000, .tasks = 7});
  ASSERT_EQ(files.size(), 3u);
  EXPECT_STREQ(files[0].first, "memory.max");
  EXPECT_EQ(files[0].second, "1048576");
  EXPECT_STREQ(files[1].first, "cpu.max");
  EXPECT_EQ(files[1].second, "50000 100000");
  EXPECT_STREQ(files[2].first, "pids.max");
  EXPECT_EQ(files[2].second, "7");
}

}  // namespace
}  // namespace espalier::keeper
