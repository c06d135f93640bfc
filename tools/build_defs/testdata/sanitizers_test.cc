#include "gtest/gtest.h"

namespace {

// Passes only where sanitizers look on.
TEST(SanitizersTest, UseAfterFreeEndsTheProgram) {
  EXPECT_DEATH(
      {
        auto* number = new volatile int(1);
        delete number;
        *number = 2;
      },
      "heap-use-after-free(.|\n)*sanitizers_test.cc:");
}

TEST(SanitizersTest, OverflowEndsTheProgram) {
  EXPECT_DEATH(
      {
        volatile int number = 0x7fffffff;
        number = number + 1;
      },
      "signed integer overflow");
}

}  // namespace
