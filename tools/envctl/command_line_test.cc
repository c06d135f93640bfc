#include "tools/envctl/command_line.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<CommandLine> Parse(const std::vector<std::string>& arguments) {
  return CommandLine::Parse(arguments);
}

TEST(CommandLineTest, FlagsMayStandAnywhere) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"logs", "-f", "-n", "5", "a", "b",
                                 "--environment=two"},
        std::vector<std::string>{"--environment", "two", "logs", "a",
                                 "--follow", "b", "--lines=5"},
        std::vector<std::string>{"-n=5", "-f", "logs", "--environment=two",
                                 "--", "a", "b"}}) {
    const absl::StatusOr<CommandLine> line = Parse(arguments);
    ASSERT_EQ(line.status(), absl::OkStatus());
    EXPECT_EQ(line->command, "logs");
    EXPECT_THAT(line->arguments, ElementsAre("a", "b"));
    EXPECT_TRUE(line->follow);
    EXPECT_EQ(line->tail_lines, 5);
    EXPECT_EQ(line->selector.environment, "two");
  }
}

TEST(CommandLineTest, AfterTwoDashesNothingIsAFlag) {
  EXPECT_THAT(Parse({"restart", "--", "-f"})->arguments, ElementsAre("-f"));
}

TEST(CommandLineTest, HelpWins) {
  EXPECT_EQ(Parse({"--help"})->command, "help");
  EXPECT_EQ(Parse({"-h"})->command, "help");
  const absl::StatusOr<CommandLine> line = Parse({"restart", "--help"});
  ASSERT_EQ(line.status(), absl::OkStatus());
  EXPECT_EQ(line->command, "help");
  EXPECT_THAT(line->arguments, ElementsAre("restart"));
}

TEST(CommandLineTest, PartsOfALog) {
  EXPECT_EQ(Parse({"logs", "--since=10m"})->since, "10m");
  const auto run = Parse({"logs", "--generation=3", "a"})->part;
  EXPECT_EQ(std::get<LogGeneration>(*run).number, 3u);
  const auto offset = Parse({"logs", "--offset=4096", "a"})->part;
  EXPECT_EQ(std::get<LogOffset>(*offset).bytes, 4096);
  EXPECT_FALSE(Parse({"logs", "a"})->part.has_value());
}

TEST(CommandLineTest, ErrorsSayWhatWasNotUnderstood) {
  struct Case {
    std::vector<std::string> arguments;
    std::string expected;
  };
  for (const Case& c : std::vector<Case>{
           {{}, "which command?"},
           {{"pss"}, "there is no command `pss`; there are: ps, list"},
           {{"ps", "links"}, "`ps` does not take `links`"},
           {{"ps", "--follow"}, "`ps` has no flag --follow"},
           {{"ps", "--jsn"}, "unknown flag --jsn"},
           {{"ps", "--json=yes"}, "--json has no value"},
           {{"ps", "---"}, "unknown flag ---"},
           {{"restart"}, "`restart` needs the name of a service"},
           {{"logs", "-n"}, "-n needs a value"},
           {{"logs", "-n", "x"}, "--lines takes a number, not `x`"},
           {{"logs", "-n", "-1"}, "--lines takes a number, not `-1`"},
           {{"logs", "--generation=1"}, "need the name of one service"},
           {{"logs", "--offset=1", "a", "b"}, "need the name of one service"},
           {{"logs", "--generation=x", "a"}, "take a number, not `x`"},
           {{"logs", "--since=1h", "-n", "5"}, "exclude each other"},
           {{"stop", "--with_dependents"}, "needs the name of a service"}}) {
    const absl::Status refused = Parse(c.arguments).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_THAT(refused.message(), HasSubstr(c.expected));
  }
}

}  // namespace
}  // namespace espalier
