#include "supervisor/environment/table.h"

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

const std::vector<std::string> kHeaders = {"SERVICE", "ENDPOINT"};

TEST(TableTest, AlignsColumns) {
  EXPECT_EQ(RenderTable(kHeaders, {{"links", "http://127.0.0.1:4711"},
                                   {"größe", "/run/größe"},
                                   {"gateway-of-everything", ""}}),
            "SERVICE               ENDPOINT\n"
            "links                 http://127.0.0.1:4711\n"
            "größe                 /run/größe\n"
            "gateway-of-everything\n");
}

TEST(TableTest, FillsUpAndDropsCells) {
  EXPECT_EQ(RenderTable(kHeaders, {{"a"}, {"b", "c", "d"}}),
            "SERVICE ENDPOINT\n"
            "a\n"
            "b       c\n");
}

TEST(TableTest, HasAHeaderWithoutRows) {
  EXPECT_EQ(RenderTable(kHeaders, {}), "SERVICE ENDPOINT\n");
  EXPECT_EQ(RenderTable({}, {{"a"}}), "");
}

TEST(TableTest, CutsOffOnlyAtATerminalsEdge) {
  const std::string url(300, 'u');
  const std::string whole = RenderTable(kHeaders, {{"links", url}});
  EXPECT_NE(whole.find(url), std::string::npos);
  for (absl::string_view line :
       absl::StrSplit(RenderTable(kHeaders, {{"links", url}}, 40), '\n')) {
    EXPECT_LE(line.size(), 40u) << line;
  }
  EXPECT_NE(RenderTable(kHeaders, {{"links", url}}, 1), "");
}

TEST(TableTest, EscapesWhatWouldDriveTheTerminal) {
  const std::string table =
      RenderTable(kHeaders, {{"a\033[2Jb\nc", "\xff\xfe"}});
  EXPECT_EQ(table.find('\033'), std::string::npos);
  EXPECT_NE(table.find("a\\x1b[2Jb"), std::string::npos) << table;
  EXPECT_NE(table.find("\\xff"), std::string::npos) << table;
}

}  // namespace
}  // namespace espalier
