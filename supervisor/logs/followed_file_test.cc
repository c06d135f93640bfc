#include "supervisor/logs/followed_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kAll = 1 << 20;

class FollowedFileTest : public testing::Test {
 protected:
  FollowedFileTest() : path_(testing::TempDir() + "/followed.log") {
    unlink(path_.c_str());
  }

  void Append(const std::string& text) {
    std::ofstream(path_, std::ios::binary | std::ios::app) << text;
  }
  std::vector<std::string> Read(FollowedFile& file, size_t max_bytes = kAll) {
    lines_.clear();
    file.ReadSome(max_bytes, tell_);
    return lines_;
  }

  const std::string path_;
  std::vector<std::string> lines_;
  FollowedFile::LineCallback tell_ = [this](absl::string_view line) {
    lines_.emplace_back(line);
  };
};

TEST_F(FollowedFileTest, TellsWhatIsNew) {
  Append("old\n");
  FollowedFile file(path_, -1, 100);
  EXPECT_THAT(Read(file), IsEmpty());
  Append("a\nb\n");
  EXPECT_EQ(file.Unread(), 4);
  EXPECT_THAT(Read(file), ElementsAre("a", "b"));
  EXPECT_EQ(file.Unread(), 0);
}

TEST_F(FollowedFileTest, BeginsAtTheOffset) {
  Append("old\nnew\n");
  FollowedFile file(path_, 4, 100);
  EXPECT_THAT(Read(file), ElementsAre("new"));
}

TEST_F(FollowedFileTest, KeepsTheBeginningOfALine) {
  Append("");
  FollowedFile file(path_, 0, 100);
  Append("he");
  EXPECT_THAT(Read(file), IsEmpty());
  Append("llo\nwor");
  EXPECT_THAT(Read(file), ElementsAre("hello"));
  lines_.clear();
  file.FlushPartial(tell_);
  file.FlushPartial(tell_);
  EXPECT_THAT(lines_, ElementsAre("wor"));
}

TEST_F(FollowedFileTest, LongLinesComeInPieces) {
  Append("0123456789abcdefghij\n0123456789\nx\n");
  FollowedFile file(path_, 0, 10);
  EXPECT_THAT(Read(file, 7), IsEmpty());
  EXPECT_THAT(Read(file, 3), ElementsAre("0123456789"));
  EXPECT_THAT(Read(file), ElementsAre("abcdefghij", "0123456789", "x"));
}

TEST_F(FollowedFileTest, ReadsNoMoreThanAskedFor) {
  Append("a\nb\nc\n");
  FollowedFile file(path_, 0, 10);
  EXPECT_TRUE(file.ReadSome(4, tell_));
  EXPECT_THAT(lines_, ElementsAre("a", "b"));
  EXPECT_FALSE(file.ReadSome(100, tell_));
  EXPECT_THAT(lines_, ElementsAre("a", "b", "c"));
}

TEST_F(FollowedFileTest, TruncatedFileIsReadFromItsBeginning) {
  Append("a\nlong enough\npart");
  FollowedFile file(path_, 0, 100);
  EXPECT_THAT(Read(file), ElementsAre("a", "long enough"));
  ASSERT_EQ(truncate(path_.c_str(), 0), 0);
  Append("b\n");
  EXPECT_THAT(Read(file), ElementsAre("part", "b"));
}

TEST_F(FollowedFileTest, FileThatAppearsIsReadFromItsBeginning) {
  FollowedFile file(path_, -1, 100);
  EXPECT_THAT(Read(file), IsEmpty());
  EXPECT_FALSE(file.Reopen(tell_));
  Append("a\n");
  EXPECT_TRUE(file.Reopen(tell_));
  EXPECT_FALSE(file.Reopen(tell_)) << "the same";
  EXPECT_THAT(Read(file), ElementsAre("a"));
}

TEST_F(FollowedFileTest, ReplacedFileIsReadToItsEndFirst) {
  Append("");
  FollowedFile file(path_, 0, 100);
  Append("old\nold, cut");
  ASSERT_EQ(rename(path_.c_str(), (path_ + ".1").c_str()), 0);
  Append("new\n");
  EXPECT_TRUE(file.Reopen(tell_));
  EXPECT_THAT(lines_, ElementsAre("old", "old, cut"));
  EXPECT_THAT(Read(file), ElementsAre("new"));
}

TEST_F(FollowedFileTest, HoleIsToldAsOneLine) {
  constexpr int64_t kHole = 64 * 1024;
  Append(std::string(kHole, 'x') + "\nlast\n");
  FollowedFile file(path_, 0, 100);
  const int fd = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  const int punched =
      fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kHole);
  close(fd);
  if (punched != 0) {
    EXPECT_TRUE(errno == EOPNOTSUPP);
    return;
  }
  EXPECT_THAT(Read(file), ElementsAre("[… 65537 bytes are gone …]", "last"));
}

}  // namespace
}  // namespace espalier
