#include "supervisor/instance/lock_holder.h"

#include <optional>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::HasSubstr;
using testing::Not;

LockHolder Example() {
  return LockHolder{.environment = "two",
                    .instance = "default",
                    .pid = 4711,
                    .host = "elsewhere",
                    .boot_id = "1b4e28ba",
                    .since = absl::FromUnixMillis(1700000000123),
                    .command_line = "two --workers=3",
                    .control_socket = "/tmp/espalier-1000/ab/control/socket",
                    .state_directory = "/data/two/default"};
}

TEST(LockHolderTest, ComesBackAsItWas) {
  const std::optional<LockHolder> read =
      LockHolder::Parse(Example().Serialize());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->Serialize(), Example().Serialize());
  EXPECT_EQ(read->since, Example().since);
  EXPECT_EQ(read->command_line, "two --workers=3");
}

TEST(LockHolderTest, NewlinesInACommandLineAddNoFields) {
  LockHolder holder = Example();
  holder.command_line = "two\nsocket /tmp/evil\n" + std::string(10000, 'x');
  const std::optional<LockHolder> read = LockHolder::Parse(holder.Serialize());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->control_socket, Example().control_socket);
  EXPECT_EQ(read->command_line.size(), 4096u);
}

TEST(LockHolderTest, EveryTornTextIsRefused) {
  const std::string text = Example().Serialize();
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(LockHolder::Parse(text.substr(0, size)).has_value()) << size;
  }
  EXPECT_FALSE(LockHolder::Parse("pid 1\nsince x\nend\n").has_value());
  EXPECT_FALSE(LockHolder::Parse("pid -1\nsince 1\nend\n").has_value());
}

TEST(LockHolderTest, DescribesForAPerson) {
  LockHolder holder = Example();
  holder.since = absl::Now() - absl::Seconds(62);
  EXPECT_THAT(holder.Describe(), HasSubstr("pid 4711 on the host elsewhere"));
  EXPECT_THAT(holder.Describe(), HasSubstr("(1m2s ago)"));
  EXPECT_THAT(LockHolder().Describe(), Not(HasSubstr("pid")));
}

TEST(LockHolderTest, NobodyHoldsAFileThatIsNotThere) {
  EXPECT_FALSE(FindLockHolder("/no/such/file").has_value());
}

}  // namespace
}  // namespace espalier
