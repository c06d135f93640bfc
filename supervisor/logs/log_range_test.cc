#include "supervisor/logs/log_range.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/logs/sidecar/generation_log.h"

namespace espalier {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr absl::Time kTime = absl::FromUnixSeconds(1700000000);

class LogRangeTest : public testing::Test {
 protected:
  LogRangeTest() : directory_(testing::TempDir() + "/range-XXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/links.log";
  }
  ~LogRangeTest() override { std::filesystem::remove_all(directory_); }

  void Append(const std::string& text) {
    std::ofstream(path_, std::ios::app | std::ios::binary) << text;
  }
  // A run that begins now and prints `text`.
  void Run(uint64_t generation, absl::Time time, const std::string& text) {
    Append("");
    const auto size = static_cast<int64_t>(std::filesystem::file_size(path_));
    auto log = GenerationLog::Open(GenerationLog::PathBeside(path_));
    ASSERT_TRUE(log.ok()) << log.status();
    log->Add(path_, generation, size, time);
    ASSERT_TRUE(log->Flush().ok());
    Append(text);
  }
  void LineTime(int64_t offset, absl::Time time) {
    std::string record;
    EncodeLogMark({.generation = 1,
                   .log = LogKey(path_),
                   .offset = offset,
                   .time_us = absl::ToUnixMicros(time)},
                  &record);
    std::ofstream(path_ + ".times", std::ios::app | std::ios::binary) << record;
  }
  void Expect(const LogPart& part, int64_t begin, int64_t end = INT64_MAX) {
    const absl::StatusOr<LogRange> range = FindLogRange(path_, part);
    ASSERT_TRUE(range.ok()) << range.status();
    EXPECT_EQ(range->begin, begin);
    EXPECT_EQ(range->end, end);
  }
  std::string Error(const LogPart& part) {
    return std::string(FindLogRange(path_, part).status().message());
  }

  std::string directory_;
  std::string path_;
};

TEST_F(LogRangeTest, ARunEndsWhereTheNextBegins) {
  Run(1, kTime, "one\n");
  Run(2, kTime + absl::Minutes(1), "two\n");
  Expect(LogGeneration{1}, 0, 4);
  Expect(LogGeneration{2}, 4);
  EXPECT_THAT(Error(LogGeneration{3}),
              AllOf(HasSubstr("there is no run 3"), HasSubstr("runs 1 (since "),
                    HasSubstr("to 2 (since ")));
}

TEST_F(LogRangeTest, RunsAreThoseOfTheLatestEnvironment) {
  Run(1, kTime, "a\n");
  Run(2, kTime, "b\n");
  Run(1, kTime + absl::Hours(1), "c\n");
  Expect(LogGeneration{1}, 4);
  EXPECT_THAT(Error(LogGeneration{2}), HasSubstr("the log has run 1 (since "));
}

TEST_F(LogRangeTest, OffsetsAreThoseThatThereAre) {
  Append("12345");
  Expect(LogOffset{0}, 0);
  Expect(LogOffset{5}, 5);
  EXPECT_THAT(Error(LogOffset{6}), HasSubstr("the log has 0 to 5"));
  EXPECT_THAT(Error(LogOffset{-1}), HasSubstr("there is no offset -1"));
}

TEST_F(LogRangeTest, SinceATimeIsSinceTheRunThatWasUnderWay) {
  Run(1, kTime, "one\n");
  Run(2, kTime + absl::Minutes(10), "two\n");
  Expect(LogSince{kTime + absl::Minutes(5)}, 0);
  Expect(LogSince{kTime + absl::Minutes(15)}, 4);
  Expect(LogSince{kTime - absl::Hours(1)}, 0);
}

TEST_F(LogRangeTest, StrictModeKnowsTheLine) {
  Run(1, kTime, "one\ntwo\nthree\n");
  LineTime(0, kTime + absl::Seconds(1));
  // In the middle of "two": its beginning was on its way already.
  LineTime(6, kTime + absl::Seconds(2));
  LineTime(8, kTime + absl::Seconds(3));
  Expect(LogSince{kTime}, 0);
  Expect(LogSince{kTime + absl::Milliseconds(1500)}, 4);
  Expect(LogSince{kTime + absl::Seconds(3)}, 8);
  Expect(LogSince{kTime + absl::Seconds(4)}, 14);
}

TEST_F(LogRangeTest, WhatWasTrimmedIsTold) {
  const std::string lines(64 << 10, 'x');
  Run(1, kTime, lines);
  Run(2, kTime, lines);
  const int fd = open(path_.c_str(), O_RDWR | O_CLOEXEC);
  const int punched =
      fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 64 << 10);
  const int error = errno;
  close(fd);
  if (punched != 0 && error == EOPNOTSUPP) GTEST_SKIP() << "no holes here";
  EXPECT_THAT(Error(LogGeneration{1}),
              AllOf(HasSubstr("what run 1 printed is gone"),
                    HasSubstr("the log has run 2 (since ")));
  Expect(LogGeneration{2}, 64 << 10);
}

TEST_F(LogRangeTest, WithoutSidecarsThereAreOffsetsOnly) {
  Append("12345");
  EXPECT_THAT(Error(LogGeneration{1}), HasSubstr("the log has no runs"));
  Expect(LogSince{kTime}, 0);
  std::filesystem::remove(path_);
  EXPECT_THAT(Error(LogOffset{0}), HasSubstr(path_));
}

}  // namespace
}  // namespace espalier
