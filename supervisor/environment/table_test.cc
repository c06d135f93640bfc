#include "supervisor/environment/table.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace espalier {
namespace {

TEST(TableTest, AlignsColumnsAndEndsEveryLine) {
  EXPECT_EQ(
      RenderTable({"NAME", "STATE"}, {{"a", "READY"}, {"longer", "FAILED"}}),
      "NAME   STATE\n"
      "a      READY\n"
      "longer FAILED\n");
}

TEST(TableTest, HasAHeaderWithoutRows) {
  EXPECT_EQ(RenderTable({"NAME", "STATE"}, {}), "NAME STATE\n");
  EXPECT_EQ(RenderTable({}, {{"a"}}), "");
}

TEST(TableTest, FillsUpShortRowsAndDropsWhatIsTooMuch) {
  EXPECT_EQ(RenderTable({"A", "B"}, {{"1"}, {"2", "3", "4"}}),
            "A B\n"
            "1 \n"
            "2 3\n");
}

TEST(TableTest, CutsNothingUnlessTheWidthIsGiven) {
  const std::string long_text(500, 'x');
  EXPECT_NE(RenderTable({"A"}, {{long_text}}).find(long_text),
            std::string::npos);
  const std::string cut = RenderTable({"A", "B"}, {{"a", long_text}}, 40);
  EXPECT_EQ(cut.find(long_text), std::string::npos);
  EXPECT_LE(cut.substr(cut.find('\n') + 1).size(), 41u);
}

TEST(TableTest, ShowsControlCharacters) {
  EXPECT_EQ(RenderTable({"A"}, {{"x\x1b[31m"}}), "A\nx\\x1b[31m\n");
}

}  // namespace
}  // namespace espalier
