#include "supervisor/logs/sidecar/generation_log.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class GenerationLogTest : public testing::Test {
 protected:
  GenerationLogTest() : directory_(testing::TempDir() + "/logs-XXXXXX") {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
  }
  ~GenerationLogTest() override { std::filesystem::remove_all(directory_); }

  std::string Log(const std::string& name) const {
    return directory_ + "/" + name + ".log";
  }
  std::string Path() const {
    return GenerationLog::PathBeside(Log("anything"));
  }
  GenerationLog Open(GenerationLog::Options options = {}) {
    absl::StatusOr<GenerationLog> log = GenerationLog::Open(Path(), options);
    EXPECT_TRUE(log.ok()) << log.status();
    return *std::move(log);
  }
  std::vector<LogMark> Read(const std::string& name) {
    absl::StatusOr<std::vector<LogMark>> marks = ReadGenerations(Log(name));
    EXPECT_TRUE(marks.ok()) << marks.status();
    return marks.value_or(std::vector<LogMark>());
  }

  std::string directory_;
};

constexpr absl::Time kTime = absl::FromUnixMicros(1700000000123456);

TEST_F(GenerationLogTest, TellsWhereEachRunBegan) {
  GenerationLog log = Open();
  log.Add(Log("links"), 1, 0, kTime);
  log.Add(Log("gateway"), 1, 0, kTime);
  EXPECT_THAT(Read("links"), IsEmpty()) << "nothing before the flush";
  EXPECT_EQ(log.Flush(), absl::OkStatus());
  log.Add(Log("links"), 2, 4711, kTime + absl::Seconds(1));
  EXPECT_EQ(log.Flush(), absl::OkStatus());
  const std::vector<LogMark> marks = Read("links");
  ASSERT_THAT(marks, SizeIs(2));
  EXPECT_EQ(marks[1].generation, 2u);
  EXPECT_EQ(marks[1].offset, 4711);
  EXPECT_EQ(marks[1].time_us, 1700000001123456);
  EXPECT_THAT(Read("gateway"), SizeIs(1));
  EXPECT_THAT(Read("other"), IsEmpty());
}

TEST_F(GenerationLogTest, IsPrivateAndNeedNotExist) {
  EXPECT_THAT(Read("links"), IsEmpty());
  Open();
  struct stat found;
  ASSERT_EQ(stat(Path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(GenerationLogTest, GoesOnBehindATornRecord) {
  {
    GenerationLog log = Open();
    log.Add(Log("links"), 1, 0, kTime);
    log.Add(Log("links"), 2, 10, kTime);
    EXPECT_EQ(log.Flush(), absl::OkStatus());
  }
  ASSERT_EQ(truncate(Path().c_str(), 2 * kLogMarkBytes - 5), 0);
  GenerationLog log = Open();
  log.Add(Log("links"), 3, 20, kTime);
  EXPECT_EQ(log.Flush(), absl::OkStatus());
  EXPECT_THAT(Read("links"), ElementsAre(Field(&LogMark::generation, 1u),
                                         Field(&LogMark::generation, 3u)));
}

TEST_F(GenerationLogTest, StaysBoundedAndKeepsTheLatestOfEach) {
  constexpr size_t kMax = 100 * kLogMarkBytes;
  GenerationLog log = Open({.max_bytes = kMax});
  log.Add(Log("quiet"), 1, 0, kTime);
  for (uint64_t i = 1; i <= 1000; ++i) {
    log.Add(Log("busy"), i, static_cast<int64_t>(i), kTime);
    ASSERT_EQ(log.Flush(), absl::OkStatus());
    ASSERT_LE(std::filesystem::file_size(Path()), kMax + kLogMarkBytes);
  }
  EXPECT_THAT(Read("quiet"), SizeIs(1));
  const std::vector<LogMark> busy = Read("busy");
  ASSERT_GE(busy.size(), 49u);
  for (size_t i = 0; i < busy.size(); ++i) {
    EXPECT_EQ(busy[i].generation, 1000 - busy.size() + 1 + i);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_),
                          std::filesystem::directory_iterator()),
            1)
      << "nothing else is left";
}

TEST_F(GenerationLogTest, AFullDiskIsAnErrorThatNamesTheFile) {
  absl::StatusOr<GenerationLog> log = GenerationLog::Open("/dev/full");
  ASSERT_TRUE(log.ok()) << log.status();
  log->Add(Log("links"), 1, 0, kTime);
  const absl::Status failed = log->Flush();
  EXPECT_FALSE(failed.ok());
  EXPECT_THAT(failed.message(), HasSubstr("/dev/full"));
}

}  // namespace
}  // namespace espalier
