#include "supervisor/keeper/program/strict_log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "supervisor/logs/sidecar/log_mark.h"

namespace espalier::keeper {
namespace {

constexpr int kLineBytes = 100;
constexpr int64_t kMiB = 1 << 20;

class StrictLogTest : public testing::Test {
 protected:
  StrictLogTest() : directory_(testing::TempDir() + "/strict-XXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/links.log";
  }
  ~StrictLogTest() override { std::filesystem::remove_all(directory_); }

  StrictLog Open(StrictLogRule rule = {.max_bytes = kMiB, .drop = false}) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    writer_.Reset(ends[1]);
    return StrictLog(path_, 3, rule, OwnedFd(ends[0]));
  }
  // Numbered lines, as many as a pipe takes at once.
  void Write(int lines) {
    std::string text;
    for (int i = 0; i < lines; ++i) {
      char line[kLineBytes + 1];
      snprintf(line, sizeof line, "%0*d\n", kLineBytes - 1, next_line_++);
      text += line;
    }
    ASSERT_EQ(write(writer_.get(), text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
  }
  std::string Text() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<LogMark> Times() const {
    std::ifstream file(path_ + ".times");
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    return DecodeLogMarks(bytes).marks;
  }
  static int64_t DiskUse(const std::string& path) {
    struct stat found;
    return stat(path.c_str(), &found) == 0
               ? static_cast<int64_t>(found.st_blocks) * 512
               : 0;
  }
  // How large a file may be: what a full disk is to the writer.
  static void LimitFiles(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }

  std::string directory_;
  std::string path_;
  Passage passage_;
  OwnedFd writer_;
  int next_line_ = 0;
};

TEST_F(StrictLogTest, MovesWhatIsThereAndNoticesTheEnd) {
  StrictLog log = Open();
  EXPECT_EQ(log.Pump(passage_), StrictLog::Progress::kEmpty);
  Write(2);
  EXPECT_EQ(log.Pump(passage_), StrictLog::Progress::kEmpty);
  EXPECT_EQ(Text().size(), 200u);
  writer_.Reset();
  EXPECT_EQ(log.Pump(passage_), StrictLog::Progress::kEnded);
}

TEST_F(StrictLogTest, GoesOnBehindAnEarlierRun) {
  std::ofstream(path_) << "before\n";
  StrictLog log = Open();
  Write(1);
  log.Pump(passage_);
  EXPECT_EQ(Text().substr(0, 10), "before\n000");
  ASSERT_EQ(Times().size(), 1u);
  EXPECT_EQ(Times()[0].offset, 7);
  EXPECT_EQ(Times()[0].generation, 3u);
  EXPECT_EQ(Times()[0].log, LogKey("links.log"));
}

TEST_F(StrictLogTest, F73DiskUseStaysWithinTheLimitAndTheNewestIsThere) {
  StrictLog log = Open();
  for (int i = 0; i < 200; ++i) {
    Write(500);
    ASSERT_EQ(log.Pump(passage_), StrictLog::Progress::kEmpty);
    ASSERT_EQ(log.error(), 0);
    ASSERT_LE(DiskUse(path_) + DiskUse(path_ + ".times"), kMiB) << i;
  }
  const std::string text = Text();
  ASSERT_EQ(text.size(), 200u * 500 * kLineBytes) << "offsets stay";
  const size_t data = text.find_first_not_of('\0');
  ASSERT_LE(text.size() - data, static_cast<size_t>(kMiB));
  ASSERT_GE(text.size() - data, static_cast<size_t>(kMiB / 2));
  for (size_t at = text.size(); at >= data + 2 * kLineBytes;) {
    at -= kLineBytes;
    ASSERT_EQ(std::stoi(text.substr(at, kLineBytes)),
              static_cast<int>(at / kLineBytes));
  }
}

TEST_F(StrictLogTest, F71BlocksUntilThereIsRoomAgain) {
  StrictLog log = Open();
  Write(10);
  LimitFiles(500);
  EXPECT_EQ(log.Pump(passage_), StrictLog::Progress::kBlocked);
  EXPECT_EQ(log.error(), EFBIG);
  LimitFiles(RLIM_INFINITY);
  EXPECT_EQ(log.Pump(passage_), StrictLog::Progress::kEmpty);
  EXPECT_EQ(log.error(), 0);
  EXPECT_EQ(log.lost_bytes(), 0u);
  EXPECT_EQ(Text().size(), 10u * kLineBytes) << "every byte, once";
  Write(1);
  EXPECT_EQ(log.Pump(passage_), StrictLog::Progress::kEmpty);
  const std::string text = Text();
  ASSERT_EQ(text.size(), 11u * kLineBytes);
  EXPECT_EQ(std::stoi(text.substr(10 * kLineBytes)), 10);
}

TEST_F(StrictLogTest, F71DropsAndTellsHowMuch) {
  StrictLog log = Open({.max_bytes = kMiB, .drop = true});
  Write(10);
  LimitFiles(550);
  EXPECT_EQ(log.Pump(passage_), StrictLog::Progress::kEmpty);
  EXPECT_EQ(log.error(), EFBIG);
  EXPECT_EQ(log.lost_bytes(), 450u);
  EXPECT_EQ(log.lost_lines(), 5u);
  LimitFiles(RLIM_INFINITY);
  Write(1);
  EXPECT_EQ(log.Pump(passage_), StrictLog::Progress::kEmpty);
  EXPECT_EQ(log.error(), 0);
  const std::string text = Text();
  const std::string told =
      "\n[… 450 bytes and 5 ends of lines were dropped …]\n";
  EXPECT_EQ(text.find(told), 550u) << text;
  EXPECT_EQ(text.size(), 550 + told.size() + kLineBytes);
}

TEST_F(StrictLogTest, TheTimesAreTrimmedWithTheLog) {
  // Times of lines that are all in front of what the log still has.
  std::string times;
  for (int i = 0; i < 8192; ++i) {
    EncodeLogMark({.generation = 1, .log = 1, .offset = i, .time_us = i},
                  &times);
  }
  std::ofstream(path_ + ".times", std::ios::binary) << times;
  std::ofstream(path_) << std::string(3 * kMiB, 'x');
  StrictLog log = Open();
  Write(1);
  ASSERT_EQ(log.Pump(passage_), StrictLog::Progress::kEmpty);
  EXPECT_LE(DiskUse(path_) + DiskUse(path_ + ".times"), kMiB);
  EXPECT_EQ(Times().back().offset, 3 * kMiB);
}

}  // namespace
}  // namespace espalier::keeper
