// What a command's LogRule asks for is done, and where runs began is known.

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "supervisor/logs/log_range.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_environment.h"

namespace espalier {
namespace {

constexpr char kMisbehave[] = "tests/environments/misbehave";
constexpr int64_t kMiB = 1 << 20;
// The block that a hole ends in stays.
constexpr int64_t kSlack = 64 << 10;

using Site = TestEnvironment<int>;

std::unique_ptr<Site> Start(std::string mode, LogRule rule) {
  auto site = Site::Start("logs", [=](Nursery& nursery) -> Task<int> {
    Service service = nursery.NewService("talker");
    const TcpAddress address = service.Reserve<TcpAddress>();
    co_await service.Start({.program = Program::Built(kMisbehave),
                            .arguments = {mode, address.port()},
                            .readiness = Readiness::Connects(address),
                            .log = rule});
    co_return 0;
  });
  EXPECT_TRUE(site.ok()) << site.status();
  return site.ok() ? *std::move(site) : nullptr;
}

std::string LogOf(const Site& site) {
  return site.state_directory() + "/logs/talker.log";
}

std::string Text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int64_t DiskUse(const std::string& path) {
  struct stat found;
  return stat(path.c_str(), &found) == 0
             ? static_cast<int64_t>(found.st_blocks) * 512
             : 0;
}

// Blocks until `condition` holds, which is asked whenever something changes in
// the directory of the file, which in strict mode may not be there yet; a hole
// is a change, too.
void AwaitChange(const std::string& path,
                 const std::function<bool()>& condition) {
  const int changes = inotify_init1(IN_CLOEXEC);
  const std::string directory = path.substr(0, path.rfind('/'));
  ASSERT_GE(
      inotify_add_watch(changes, directory.c_str(), IN_MODIFY | IN_CREATE), 0)
      << directory;
  char buffer[4096];
  while (!condition()) ASSERT_GT(read(changes, buffer, sizeof buffer), 0);
  close(changes);
}

bool IsComplete(const std::string& path) {
  return absl::EndsWith(Text(path), "this is the last line\n");
}

TEST(LogsTest, FileModeKeepsTheEndOfTheLog) {
  const auto site = Start("listen_and_talk", {.max_bytes = kMiB});
  ASSERT_NE(site, nullptr);
  const std::string log = LogOf(*site);
  AwaitChange(log,
              [&] { return IsComplete(log) && DiskUse(log) <= kMiB + kSlack; });
  EXPECT_GE(DiskUse(log), kMiB / 2);
  EXPECT_GT(Text(log).size(), 2u * kMiB) << "offsets stay";
}

TEST(LogsTest, StrictModeNeverTakesMore) {
  const auto site = Start("listen_and_talk",
                          {.mode = LogRule::Mode::kStrict, .max_bytes = kMiB});
  ASSERT_NE(site, nullptr);
  const std::string log = LogOf(*site);
  AwaitChange(log, [&] {
    EXPECT_LE(DiskUse(log) + DiskUse(log + ".times"), kMiB);
    return IsComplete(log);
  });
  EXPECT_GE(DiskUse(log), kMiB / 2);
  EXPECT_GT(DiskUse(log + ".times"), 0);
}

TEST(LogsTest, WhereEachRunBeganIsKnown) {
  const auto site = Start("listen_and_say", {});
  ASSERT_NE(site, nullptr);
  const std::string log = LogOf(*site);
  const std::string line = "listening\n";
  AwaitChange(log, [&] { return Text(log) == line; });
  ASSERT_TRUE(site->KillAndAwaitRestart("talker").ok());
  const absl::StatusOr<LogRange> first = FindLogRange(log, LogGeneration{1});
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->begin, 0);
  EXPECT_EQ(first->end, static_cast<int64_t>(line.size()));
  EXPECT_TRUE(FindLogRange(log, LogGeneration{2}).ok());
  EXPECT_FALSE(FindLogRange(log, LogGeneration{3}).ok());
}

}  // namespace
}  // namespace espalier
