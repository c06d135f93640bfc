#include "supervisor/logs/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
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
using testing::IsEmpty;

class LogTailTest : public testing::Test {
 protected:
  LogTailTest() : path_(testing::TempDir() + "/tail.log") { Write(""); }

  void Write(const std::string& text) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  LogTail Read(LogTail::Options options = {}) {
    absl::StatusOr<LogTail> tail = LogTail::Read(path_, options);
    EXPECT_EQ(tail.status(), absl::OkStatus());
    return tail.value_or(LogTail());
  }

  const std::string path_;
};

TEST_F(LogTailTest, EmptyFileHasNoLines) {
  const LogTail tail = Read();
  EXPECT_THAT(tail.lines, IsEmpty());
  EXPECT_FALSE(tail.has_more);
  EXPECT_EQ(tail.end_offset, 0);
}

TEST_F(LogTailTest, AllOfASmallFile) {
  Write("a\n\nb\n");
  const LogTail tail = Read();
  EXPECT_THAT(tail.lines, ElementsAre("a", "", "b"));
  EXPECT_FALSE(tail.has_more);
  EXPECT_EQ(tail.end_offset, 5);
}

TEST_F(LogTailTest, LastLineNeedsNoNewline) {
  Write("a\nb");
  EXPECT_THAT(Read().lines, ElementsAre("a", "b"));
  Write("b");
  EXPECT_THAT(Read().lines, ElementsAre("b"));
  Write("\n");
  EXPECT_THAT(Read().lines, ElementsAre(""));
}

TEST_F(LogTailTest, OnlyTheLastLines) {
  Write("1\n2\n3\n4\n");
  const LogTail tail = Read({.max_lines = 2});
  EXPECT_THAT(tail.lines, ElementsAre("3", "4"));
  EXPECT_TRUE(tail.has_more);
  EXPECT_THAT(Read({.max_lines = 0}).lines, IsEmpty());
  EXPECT_FALSE(Read({.max_lines = 4}).has_more);
}

TEST_F(LogTailTest, OnlyFromAnOffset) {
  Write("old\nnew\n");
  const LogTail tail = Read({.from_offset = 4});
  EXPECT_THAT(tail.lines, ElementsAre("new"));
  EXPECT_FALSE(tail.has_more) << "nothing more of what was asked for";
  EXPECT_THAT(Read({.from_offset = 100}).lines, IsEmpty());
}

TEST_F(LogTailTest, HugeFileWithoutNewlineIsBounded) {
  // 8 GiB, of which nothing but the end is data.
  ASSERT_EQ(truncate(path_.c_str(), int64_t{8} << 30), 0);
  std::ofstream(path_, std::ios::app) << std::string(100000, 'x');
  const LogTail tail = Read({.max_bytes = 1000, .max_line_bytes = 10});
  EXPECT_THAT(tail.lines, ElementsAre("xxxxxxxxxx…"));
  EXPECT_TRUE(tail.has_more);
  EXPECT_EQ(tail.end_offset, (int64_t{8} << 30) + 100000);
}

TEST_F(LogTailTest, BinaryIsMadeHarmless) {
  Write(std::string("\x1b[2J\0\xff\nok\n", 10));
  EXPECT_THAT(Read().lines, ElementsAre("\\x1b[2J\\x00\\xff", "ok"));
}

// The front of a log that has reached its limit is a hole.
TEST_F(LogTailTest, HoleAtTheFrontIsNoLine) {
  Write(std::string(64 * 1024, 'x') + "rest of a line\nlast\n");
  const int fd = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  const int punched =
      fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 64 * 1024);
  close(fd);
  if (punched != 0) {
    // A file system without holes is served as one without a limit.
    EXPECT_TRUE(errno == EOPNOTSUPP);
    return;
  }
  EXPECT_THAT(Read({.max_bytes = 128 * 1024}).lines, ElementsAre("last"));
}

TEST_F(LogTailTest, ErrorsNameTheFile) {
  const absl::Status missing = LogTail::Read("/no/such.log").status();
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(missing.message(), HasSubstr("/no/such.log"));
  EXPECT_THAT(LogTail::Read("/tmp").status().message(),
              HasSubstr("not a file"));
  const std::string fifo = testing::TempDir() + "/fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_FALSE(LogTail::Read(fifo).ok()) << "and does not wait for a writer";
}

}  // namespace
}  // namespace espalier
