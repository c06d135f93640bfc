// Logs, with real processes: file mode, where the file is the output, and
// strict mode, where a pipe through the keeper is.
#include <fcntl.h>
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
  // What a service that counts has counted so far.
  int64_t Written() const {
    int64_t count = 0;
    std::ifstream(File("counter"), std::ios::binary)
        .read(reinterpret_cast<char*>(&count), sizeof count);
    return count;
  }
  // That `text` ends in whole numbered lines, each following the one before.
  static void ExpectNumbered(const std::string& text, size_t begin) {
    for (size_t at = begin; at + kLineBytes <= text.size(); at += kLineBytes) {
      ASSERT_EQ(std::stoul(text.substr(at, kLineBytes)), at / kLineBytes);
    }
  }
};

// One that follows the log, and ends while the service writes on.
class KeeperLogReaderTest : public KeeperLogsTest {
 protected:
  void ReadAndDie() {
    Loop loop;
    bool read = false;
    auto reader = LogFollower::Create(
        &loop, [&](absl::string_view, absl::string_view) { read = true; });
    ASSERT_TRUE(reader.ok()) << reader.status();
    ASSERT_TRUE((*reader)->Add("log", File("log"), 0).ok());
    loop.RunUntil([&] { return read; });
  }

  void Check(const keeper::SpawnRequest& request) {
    Spawn(request);
    const pid_t pid = Await<SpawnedEvent>(1).pid;
    ReadAndDie();
    const int64_t before = Written();
    while (Written() < before + 1000 && kill(pid, 0) == 0) sched_yield();
    keeper_->Stop(1, 1, SIGTERM, absl::InfiniteDuration());
    keeper_->Flush();
    const auto exited = Await<ExitedEvent>(1);
    EXPECT_EQ(exited.code, CLD_KILLED);
    EXPECT_EQ(exited.status, SIGTERM) << "no SIGPIPE";
    Await<DrainedEvent>(1);
    const std::string log = Log();
    // It may have been about to count the last one.
    EXPECT_GE(log.size(), static_cast<size_t>(Written()) * kLineBytes);
    EXPECT_LE(log.size(), static_cast<size_t>(Written() + 1) * kLineBytes);
    ExpectNumbered(log, 0);
  }
};

TEST_F(KeeperLogReaderTest, F70DiesInFileMode) {
  Check(Request(1, {"count", File("counter")}));
}

TEST_F(KeeperLogReaderTest, F70DiesInStrictMode) {
  auto request = Strict({"count", File("counter")});
  request.strict_log->max_bytes = 1024 * kMiB;
  Check(request);
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

// Whoever opens it waits, as on a disk that hangs: for the end of a lease
// (fcntl(2)), or the 45 s that the kernel allows.
class HangingFile {
 public:
  explicit HangingFile(const std::string& path)
      : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) {
    // Tells of who waits.
    signal(SIGIO, SIG_IGN);
    EXPECT_EQ(fcntl(fd_, F_SETLEASE, F_WRLCK), 0) << strerror(errno);
  }
  ~HangingFile() { close(fd_); }

 private:
  const int fd_;
};

// It is the same thread that moves the output of both.
TEST_F(KeeperLogsTest, F71ALogThatHangsHoldsUpNoRun) {
  {
    const HangingFile hangs(File("hangs"));
    auto request = Strict({"write", "1"});
    request.log_path = File("hangs");
    Spawn(request);
    EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
    request = Strict({"exit", "4"});
    request.id = 2;
    Spawn(request);
    EXPECT_EQ(Await<LogLossEvent>(1).error, ETIMEDOUT);
    Await<DrainedEvent>(1);
    Await<DrainedEvent>(2);
  }
  // It does not any more. What was given up is not told of again.
  Spawn(Strict({"write", "1"}, false, 2));
  Await<DrainedEvent>(1);
  EXPECT_EQ(Log().size(), kLineBytes);
  for (const keeper::Event& event : events_) {
    EXPECT_FALSE(std::holds_alternative<DrainedEvent>(event));
  }
}

TEST_F(KeeperLogsTest, F72EveryByteIsThereWhenTheKeeperIsKilled) {
  Spawn(Request(1, {"count", File("counter")}));
  Await<SpawnedEvent>(1);
  while (Written() < 1000) sched_yield();
  kill(keeper_->hello().keeper_pid, SIGKILL);
  // Waits until nothing is left.
  keeper_.reset();
  const std::string log = Log();
  EXPECT_GE(log.size(), static_cast<size_t>(Written()) * kLineBytes);
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
