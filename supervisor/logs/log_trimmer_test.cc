#include "supervisor/logs/log_trimmer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kMiB = 1 << 20;
constexpr int kLineBytes = 100;
// The block that a hole ends in stays.
constexpr int64_t kSlack = 64 << 10;

class LogTrimmerTest : public testing::Test {
 protected:
  LogTrimmerTest() : directory_(testing::TempDir() + "/trim-XXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    path_ = directory_ + "/links.log";
    Reopen();
  }
  ~LogTrimmerTest() override { std::filesystem::remove_all(directory_); }

  void Reopen() {
    fd_ = UniqueFd(
        open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
  std::unique_ptr<LogTrimmer> Trimmer(LogTrimmer::Options options = {}) {
    return std::make_unique<LogTrimmer>(
        &loop_,
        [this](const absl::Status& status) { complaints_.push_back(status); },
        std::move(options));
  }
  // Numbered lines, as a service writes them that has its output buffered.
  void Write(int64_t bytes) {
    while (bytes > 0) {
      std::string lines;
      for (int i = 0; i < 640; ++i) {
        lines += absl::StrFormat("%0*d\n", kLineBytes - 1, next_line_++);
      }
      ASSERT_EQ(write(fd_.get(), lines.data(), lines.size()),
                static_cast<ssize_t>(lines.size()));
      bytes -= static_cast<int64_t>(lines.size());
    }
  }
  void RunUntilStill(const LogTrimmer& trimmer) {
    loop_.RunUntil([&] { return trimmer.growing() == 0; });
  }
  // Until it has noticed that something was written, and that nothing more is.
  void RunThroughGrowth(const LogTrimmer& trimmer) {
    loop_.RunUntil([&] { return trimmer.growing() > 0; });
    RunUntilStill(trimmer);
  }
  int64_t DiskUse() const {
    struct stat found;
    EXPECT_EQ(stat(path_.c_str(), &found), 0);
    return static_cast<int64_t>(found.st_blocks) * 512;
  }
  // The numbers of the lines that are there, the first one whole.
  std::vector<int64_t> Lines() const {
    const UniqueFd fd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    const off_t data = lseek(fd.get(), 0, SEEK_DATA);
    const off_t begin = (data + kLineBytes - 1) / kLineBytes * kLineBytes;
    std::ifstream file(path_);
    file.seekg(begin);
    std::vector<int64_t> numbers;
    for (std::string line; std::getline(file, line);) {
      int64_t number = -1;
      EXPECT_TRUE(absl::SimpleAtoi(line, &number)) << line;
      numbers.push_back(number);
    }
    return numbers;
  }
  void ExpectNewestLinesOnceEach(int64_t at_least_bytes) {
    const std::vector<int64_t> lines = Lines();
    ASSERT_GE(static_cast<int64_t>(lines.size()) * kLineBytes, at_least_bytes);
    for (size_t i = 0; i < lines.size(); ++i) {
      ASSERT_EQ(lines[i], next_line_ - static_cast<int64_t>(lines.size() - i));
    }
  }
  // Of this process.
  static int InotifyInstances() {
    int instances = 0;
    for (const auto& fd :
         std::filesystem::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      instances +=
          std::filesystem::read_symlink(fd, gone) == "anon_inode:inotify";
    }
    return instances;
  }
  bool HolesWork() {
    const int punched = LogTrimmer::PunchHole(fd_.get(), 0, 4096);
    return punched == 0 || errno != EOPNOTSUPP;
  }

  Loop loop_;
  std::string directory_;
  std::string path_;
  UniqueFd fd_;
  int64_t next_line_ = 0;
  std::vector<absl::Status> complaints_;
};

TEST_F(LogTrimmerTest, F73TheNewestIsThereAndTheRestGivenBack) {
  if (!HolesWork()) GTEST_SKIP() << "no holes in this file system";
  const auto trimmer = Trimmer();
  trimmer->Watch(path_, 4 * kMiB);
  for (int i = 0; i < 20; ++i) {
    Write(kMiB);
    RunThroughGrowth(*trimmer);
    ASSERT_LE(DiskUse(), 4 * kMiB + kSlack) << i;
  }
  ExpectNewestLinesOnceEach(3 * kMiB);
  EXPECT_EQ(std::filesystem::file_size(path_),
            static_cast<uintmax_t>(next_line_) * kLineBytes)
      << "offsets stay";
  EXPECT_THAT(complaints_, IsEmpty());
}

TEST_F(LogTrimmerTest, F73UnderLoadNothingNewIsLost) {
  if (!HolesWork()) GTEST_SKIP() << "no holes in this file system";
  const auto trimmer = Trimmer();
  trimmer->Watch(path_, 4 * kMiB);
  const UniqueFd done(eventfd(0, EFD_CLOEXEC));
  bool ended = false;
  const Loop::Watch watch = loop_.OnReadable(done.get(), [&] { ended = true; });
  std::thread writer([&] {
    Write(64 * kMiB);
    eventfd_write(done.get(), 1);
  });
  loop_.RunUntil([&] { return ended && trimmer->growing() == 0; });
  writer.join();
  EXPECT_LE(DiskUse(), 4 * kMiB + kSlack);
  ExpectNewestLinesOnceEach(3 * kMiB);
}

TEST_F(LogTrimmerTest, WhatWasThereBeforeIsTrimmedToo) {
  if (!HolesWork()) GTEST_SKIP() << "no holes in this file system";
  Write(8 * kMiB);
  {
    const auto trimmer = Trimmer();
    trimmer->Watch(path_, 4 * kMiB);
    RunUntilStill(*trimmer);
    EXPECT_LE(DiskUse(), 4 * kMiB + kSlack);
  }
  // Another run of the environment finds the hole.
  const auto trimmer = Trimmer();
  trimmer->Watch(path_, 4 * kMiB);
  RunUntilStill(*trimmer);
  ExpectNewestLinesOnceEach(3 * kMiB);
  Write(2 * kMiB);
  RunThroughGrowth(*trimmer);
  EXPECT_LE(DiskUse(), 4 * kMiB + kSlack);
  ExpectNewestLinesOnceEach(3 * kMiB);
}

TEST_F(LogTrimmerTest, AnotherFileAtThePathIsLimitedFromTheNextStartOn) {
  if (!HolesWork()) GTEST_SKIP() << "no holes in this file system";
  const auto trimmer = Trimmer();
  trimmer->Watch(path_, 4 * kMiB);
  Write(6 * kMiB);
  RunThroughGrowth(*trimmer);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  next_line_ = 0;
  Reopen();
  trimmer->Watch(path_, 4 * kMiB);
  RunUntilStill(*trimmer);
  Write(6 * kMiB);
  RunThroughGrowth(*trimmer);
  EXPECT_LE(DiskUse(), 4 * kMiB + kSlack);
  ExpectNewestLinesOnceEach(3 * kMiB);
}

// What has an inotify instance waits for the kernel when it ends.
TEST_F(LogTrimmerTest, ToTheEndLogsAreTrimmedWithoutInotify) {
  if (!HolesWork()) GTEST_SKIP() << "no holes in this file system";
  const auto trimmer = Trimmer();
  trimmer->Watch(path_, 4 * kMiB);
  EXPECT_EQ(InotifyInstances(), 0) << "it has just begun";
  RunUntilStill(*trimmer);
  EXPECT_EQ(InotifyInstances(), 1);
  trimmer->WindDown();
  // Each turn is a check, since nothing else wakes the loop.
  int turns = 0;
  loop_.RunUntil([&] { return ++turns > 3; });
  Write(6 * kMiB);
  loop_.RunUntil([&] { return DiskUse() <= 4 * kMiB + kSlack; });
  ExpectNewestLinesOnceEach(3 * kMiB);
  EXPECT_EQ(trimmer->growing(), 1u);
  while (InotifyInstances() != 0) sched_yield();
}

// As at the limit of a user's threads, which does not bind root: no thread is
// made, here because no memory is large enough for its stack.
TEST_F(LogTrimmerTest, WindsDownWhereNoThreadCanBeMade) {
  const auto trimmer = Trimmer();
  trimmer->Watch(path_, 4 * kMiB);
  RunUntilStill(*trimmer);
  ASSERT_EQ(InotifyInstances(), 1);
  pthread_attr_t before;
  ASSERT_EQ(pthread_getattr_default_np(&before), 0);
  pthread_attr_t huge = before;
  ASSERT_EQ(pthread_attr_setstacksize(&huge, size_t{1} << 47), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  trimmer->WindDown();
  ASSERT_EQ(pthread_setattr_default_np(&before), 0);
  EXPECT_EQ(InotifyInstances(), 0);
}

TEST_F(LogTrimmerTest, AFileSystemWithoutHolesIsToldOnce) {
  LogTrimmer::Options options;
  options.punch_hole = [](int, off_t, off_t) {
    errno = EOPNOTSUPP;
    return -1;
  };
  const auto trimmer = Trimmer(options);
  trimmer->Watch(path_, kMiB);
  for (int i = 0; i < 3; ++i) {
    Write(2 * kMiB);
    RunThroughGrowth(*trimmer);
  }
  ASSERT_THAT(complaints_, SizeIs(1));
  EXPECT_THAT(complaints_[0].message(), HasSubstr(path_));
  EXPECT_THAT(complaints_[0].message(), HasSubstr("limit of 1048576 bytes"));
  ExpectNewestLinesOnceEach(6 * kMiB);
}

}  // namespace
}  // namespace espalier
