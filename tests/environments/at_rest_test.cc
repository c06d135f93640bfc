// At rest nothing runs: neither the environment nor guard and keeper wake up.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// How often each thread of `pids` has gone to sleep by itself so far, which it
// does once for each time that it was woken.
std::map<std::string, int64_t> Sleeps(const std::vector<pid_t>& pids) {
  std::map<std::string, int64_t> sleeps;
  for (const pid_t pid : pids) {
    for (const auto& task :
         fs::directory_iterator(absl::StrCat("/proc/", pid, "/task"))) {
      std::ifstream status(task.path() / "status");
      std::string name;
      for (std::string line; std::getline(status, line);) {
        absl::string_view rest = line;
        if (absl::ConsumePrefix(&rest, "Name:\t")) name = std::string(rest);
        if (!absl::ConsumePrefix(&rest, "voluntary_ctxt_switches:")) continue;
        const std::string key =
            absl::StrCat(name, " ", task.path().filename().string());
        EXPECT_TRUE(absl::SimpleAtoi(rest, &sleeps[key])) << line;
      }
    }
  }
  return sleeps;
}

// A stretch of a second at least, which ends by an event: the kernel ends a
// child that has used up a second of processor time.
void AwaitASecondOfWork() {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit second = {.rlim_cur = 1, .rlim_max = 2};
    setrlimit(RLIMIT_CPU, &second);
    signal(SIGXCPU, SIG_DFL);
    for (volatile uint64_t i = 0;; i = i + 1) {
    }
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
}

TEST(AtRestTest, NothingWakesUp) {
  TestDirectory data;
  ChildProgram environment(
      {"tests/environments/at_rest", absl::StrCat("--data_dir=", data.path())});
  ASSERT_TRUE(environment.AwaitOutput("Ctrl-C stops it"))
      << environment.output();
  // The services themselves are not ours to judge.
  std::vector<pid_t> ours;
  for (const ProcessWatch& process : WatchTree(environment.pid())) {
    std::string name;
    std::ifstream(absl::StrCat("/proc/", process.pid(), "/comm")) >> name;
    if (name != "misbehave") ours.push_back(process.pid());
  }
  ASSERT_EQ(ours.size(), 3u) << "environment, guard and keeper";
  // What its start has set in motion comes to an end, so that of a few such
  // stretches one is without any; what ticks every second leaves none.
  std::map<std::string, int64_t> before = Sleeps(ours);
  std::map<std::string, int64_t> after;
  for (int stretch = 0; stretch < 5; ++stretch) {
    AwaitASecondOfWork();
    after = Sleeps(ours);
    if (after == before) break;
    if (stretch < 4) before = after;
  }
  EXPECT_EQ(after, before);
  // With the thread that moves the strict log.
  EXPECT_GE(after.size(), 5u);
  environment.Signal(SIGTERM);
  EXPECT_EQ(environment.Wait(), 0) << environment.output();
}

}  // namespace
}  // namespace espalier
