#include "supervisor/engine/exit_result.h"

#include <csignal>

#include "gtest/gtest.h"

namespace espalier {
namespace {

TEST(ExitResultTest, ReadsTheStatusOfWaitpid) {
  // Linux: the exit code is in the second byte, the signal in the low seven
  // bits, and the eighth says that a core was dumped.
  EXPECT_EQ(ExitResult::FromWaitStatus(0), ExitResult::Exited(0));
  EXPECT_EQ(ExitResult::FromWaitStatus(7 << 8), ExitResult::Exited(7));
  EXPECT_EQ(ExitResult::FromWaitStatus(255 << 8), ExitResult::Exited(255));
  EXPECT_EQ(ExitResult::FromWaitStatus(SIGKILL), ExitResult::Signaled(SIGKILL));
  EXPECT_EQ(ExitResult::FromWaitStatus(SIGSEGV | 0x80),
            ExitResult::Signaled(SIGSEGV, true));
}

TEST(ExitResultTest, AStoppedProcessHasNotEnded) {
  EXPECT_EQ(ExitResult::FromWaitStatus((SIGSTOP << 8) | 0x7f),
            ExitResult::Lost());
}

TEST(ExitResultTest, OnlyExitCodeZeroIsSuccess) {
  EXPECT_TRUE(ExitResult::Exited(0).success());
  EXPECT_FALSE(ExitResult::Exited(1).success());
  EXPECT_FALSE(ExitResult::Signaled(SIGTERM).success());
  EXPECT_FALSE(ExitResult::OomKilled(SIGKILL).success());
  EXPECT_FALSE(ExitResult::Lost().success());
}

TEST(ExitResultTest, CodeAndSignalExcludeEachOther) {
  EXPECT_EQ(ExitResult::Exited(3).code(), 3);
  EXPECT_EQ(ExitResult::Exited(3).signal(), 0);
  EXPECT_EQ(ExitResult::Signaled(9).code(), -1);
  EXPECT_EQ(ExitResult::Signaled(9).signal(), 9);
  EXPECT_EQ(ExitResult::OomKilled(9).signal(), 9);
  EXPECT_EQ(ExitResult::Lost().code(), -1);
}

TEST(ExitResultTest, SpeaksToAPerson) {
  EXPECT_EQ(ExitResult::Exited(1).ToString(), "exit code 1");
  EXPECT_EQ(ExitResult::Signaled(SIGKILL).ToString(), "killed by SIGKILL");
  EXPECT_EQ(ExitResult::Signaled(SIGSEGV, true).ToString(),
            "killed by SIGSEGV (core dumped)");
  EXPECT_EQ(ExitResult::Signaled(42).ToString(), "killed by signal 42");
  EXPECT_EQ(ExitResult::OomKilled(SIGKILL).ToString(),
            "killed because memory ran out");
  EXPECT_EQ(ExitResult::Lost().ToString(), "gone without a trace");
}

}  // namespace
}  // namespace espalier
