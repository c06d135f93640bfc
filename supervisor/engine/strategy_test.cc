#include "supervisor/engine/strategy.h"

#include <sstream>

#include "gtest/gtest.h"

namespace espalier {
namespace {

TEST(StrategyNameTest, NamesEachStrategyItsOwnWay) {
  EXPECT_EQ(StrategyName(Strategy::kOneForOne), "one_for_one");
  EXPECT_EQ(StrategyName(Strategy::kOneForAll), "one_for_all");
  EXPECT_EQ(StrategyName(Strategy::kRestForOne), "rest_for_one");
  EXPECT_EQ(StrategyName(Strategy::kDependents), "dependents");
}

TEST(StrategyNameTest, PrintsIt) {
  std::ostringstream out;
  out << Strategy::kDependents;
  EXPECT_EQ(out.str(), "dependents");
}

}  // namespace
}  // namespace espalier
