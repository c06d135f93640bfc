// Logs, with real processes: file mode, where the file is the output, and
// strict mode, where a pipe through the keeper is.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_fixture.h"
#include "supervisor/logs/log_follower.h"
#include "supervisor/logs/sidecar/log_mark.h"
#include "supervisor/loop/loop.h"

namespace espalier {
namespace {

using keeper::DrainedEvent;
using keeper::ExitedEvent;
using keeper::LogLossEvent;
using keeper::SpawnedEvent;

constexpr size_t kLineBytes = 100;
constexpr uint64_t kMiB = 1 << 20;

class KeeperLogsTest : public KeeperFixture {
 protected:
  keeper::SpawnRequest Strict(std::vector<std::string> arguments,
                              bool drop = false, uint64_t generation = 1) {
    keeper::SpawnRequest request = Request(1, std::move(arguments), generation);
    request.strict_log = keeper::StrictLogRule{.max_bytes = kMiB, .drop = drop};
    return request;
  }
  std::string Log() const { return ReadFile(File("log")); }
  // That `text` ends in whole numbered lines, each following the one before.
  static void ExpectNumbered(const std::string& text, size_t begin) {
    for (size_t at = begin; at + kLineBytes <= text.size(); at += kLineBytes) {
      ASSERT_EQ(std::stoul(text.substr(at, kLineBytes)), at / kLineBytes);
    }
  }
};

TEST_F(KeeperLogsTest, F70TheReaderOfALogDies) {
  Loop loop;
  std::unique_ptr<LogFollower> reader;
  bool read = false;
  auto created = LogFollower::Create(
      &loop, [&](absl::string_view, absl::string_view) { read = true; });
  ASSERT_TRUE(created.ok()) << created.status();
  reader = *std::move(created);
  ASSERT_TRUE(reader->Add("log", File("log"), 0).ok());
  Spawn(Request(1, {"write", "50000"}));
  loop.RunUntil([&] { return read; });
  reader.reset();
  const auto exited = Await<ExitedEvent>(1);
  EXPECT_EQ(exited.code, CLD_EXITED) << "no SIGPIPE";
  EXPECT_EQ(exited.status, 0);
  const std::string log = Log();
  EXPECT_EQ(log.size(), 50000 * kLineBytes);
  ExpectNumbered(log, 0);
}

TEST_F(KeeperLogsTest, F71TheServiceSeesTheErrorInFileMode) {
  auto request = Request(1, {"write", "1"});
  request.log_path = "/dev/full";
  Spawn(request);
  EXPECT_EQ(Await<ExitedEvent>(1).status, ENOSPC);
  // Supervision goes on.
  Spawn(Request(2, {"write", "1"}));
  EXPECT_EQ(Await<ExitedEvent>(2).status, 0);
}

TEST_F(KeeperLogsTest, F71DroppedAndCountedInStrictMode) {
  auto request = Strict({"write", "1000"}, /*drop=*/true);
  request.log_path = File("missing/log");
  Spawn(request);
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0) << "it does not wait";
  Await<DrainedEvent>(1);
  // All that was told came before.
  LogLossEvent last;
  for (const auto& event : events_) {
    if (const auto* loss = std::get_if<LogLossEvent>(&event)) last = *loss;
  }
  EXPECT_EQ(last.error, ENOENT);
  EXPECT_EQ(last.lost_bytes, 1000 * kLineBytes);
  EXPECT_EQ(last.lost_lines, 1000u);
}

TEST_F(KeeperLogsTest, F71BlockedInStrictModeUntilItCanBeWritten) {
  // More than a pipe holds.
  auto request = Strict({"write", "50000"});
  request.log_path = File("late/log");
  request.strict_log->max_bytes = 64 * kMiB;
  Spawn(request);
  EXPECT_EQ(Await<LogLossEvent>(1).error, ENOENT);
  // Supervision goes on meanwhile.
  Spawn(Request(2, {"write", "1"}));
  Await<DrainedEvent>(2);
  std::filesystem::create_directory(File("late"));
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
  Await<DrainedEvent>(1);
  const std::string log = ReadFile(File("late/log"));
  EXPECT_EQ(log.size(), 50000 * kLineBytes) << "every byte, once";
  ExpectNumbered(log, 0);
}

TEST_F(KeeperLogsTest, F72EveryByteIsThereWhenTheKeeperIsKilled) {
  Spawn(Request(1, {"count", File("counter")}));
  Await<SpawnedEvent>(1);
  const auto written = [&] {
    int64_t count = 0;
    std::ifstream(File("counter"), std::ios::binary)
        .read(reinterpret_cast<char*>(&count), sizeof count);
    return count;
  };
  while (written() < 1000) sched_yield();
  kill(keeper_->hello().keeper_pid, SIGKILL);
  // Waits until nothing is left.
  keeper_.reset();
  const std::string log = Log();
  EXPECT_GE(log.size(), static_cast<size_t>(written()) * kLineBytes);
  ExpectNumbered(log, 0);
}

TEST_F(KeeperLogsTest, F73StrictModeHoldsTheLimitUnderLoad) {
  Spawn(Strict({"write", "100000"}));
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
  Await<DrainedEvent>(1);
  int64_t disk_use = 0;
  for (const std::string& name : {File("log"), File("log.times")}) {
    struct stat found;
    ASSERT_EQ(stat(name.c_str(), &found), 0);
    disk_use += static_cast<int64_t>(found.st_blocks) * 512;
  }
  EXPECT_LE(disk_use, static_cast<int64_t>(kMiB));
  const std::string log = Log();
  ASSERT_EQ(log.size(), 100000 * kLineBytes);
  const size_t data = log.find_first_not_of('\0');
  ASSERT_GE(log.size() - data, kMiB / 2);
  ExpectNumbered(log, (data / kLineBytes + 1) * kLineBytes);
}

TEST_F(KeeperLogsTest, StrictModeIsCompleteWhenARunIsDrained) {
  for (uint64_t generation = 1; generation <= 20; ++generation) {
    Spawn(Strict({"write", "100"}, false, generation));
    Await<DrainedEvent>(1);
    ASSERT_EQ(Log().size(), generation * 100 * kLineBytes);
  }
  const auto times = DecodeLogMarks(ReadFile(File("log.times")));
  EXPECT_EQ(times.damaged, 0u);
  // A run has more of them if it took longer than a millisecond.
  uint32_t generation = 0;
  for (const LogMark& mark : times.marks) {
    if (mark.generation == generation) continue;
    EXPECT_EQ(mark.generation, ++generation);
    EXPECT_EQ(mark.offset,
              static_cast<int64_t>((generation - 1) * 100 * kLineBytes));
  }
  EXPECT_EQ(generation, 20u);
}

TEST_F(KeeperLogsTest, AnOrphanThatHoldsThePipeDoesNotHoldUpTheEnd) {
  Spawn(Strict({"orphan_exit", File("pid")}));
  Await<DrainedEvent>(1);
  Spawn(Strict({"write", "1"}, false, 2));
  Await<DrainedEvent>(1);
  EXPECT_EQ(Log().size(), kLineBytes);
}

}  // namespace
}  // namespace espalier
