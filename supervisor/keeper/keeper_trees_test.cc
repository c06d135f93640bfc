// Nothing of a process tree is left when it is said to be drained.
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_fixture.h"
#include "supervisor/keeper/program/process_scan.h"
#include "supervisor/keeper/protocol.h"
#include "supervisor/testing/child_program.h"

namespace espalier {
namespace {

using keeper::DrainedEvent;
using keeper::ExitedEvent;
using keeper::SpawnedEvent;

class KeeperTreesTest : public KeeperFixture {
 protected:
  // Living processes with the marker of a service's generation.
  std::vector<pid_t> Marked(uint32_t id, uint64_t generation) {
    const std::string marker =
        absl::StrCat(keeper_->hello().token, "/", id, "/", generation);
    std::vector<pid_t> pids;
    for (const auto& process : keeper::ScanProcesses()) {
      const pid_t pid = process.identity.pid;
      if (!process.dead() && keeper::InitialEnvironmentValue(
                                 pid, keeper::kMarkerVariable) == marker) {
        pids.push_back(pid);
      }
    }
    return pids;
  }

  void AwaitLog(const std::string& text) {
    while (!absl::StrContains(ReadFile(File("log")), text)) sched_yield();
  }
};

TEST_F(KeeperTreesTest, F21AForkBombIsEndedWhileItForks) {
  Spawn(Request(1, {"bomb", "2000"}));
  Await<SpawnedEvent>(1);
  AwaitLog("going");
  EXPECT_FALSE(Marked(1, 1).empty());
  keeper_->Kill(1, 1);
  keeper_->Flush();
  Await<DrainedEvent>(1);
  EXPECT_TRUE(Marked(1, 1).empty());
}

TEST_F(KeeperTreesTest, F21AForkBombEndsWithTheInstance) {
  Spawn(Request(1, {"bomb", "2000"}));
  Await<SpawnedEvent>(1);
  AwaitLog("going");
  const std::string token = keeper_->hello().token;
  keeper_.reset();
  for (const auto& process : keeper::ScanProcesses()) {
    const auto marker = keeper::InitialEnvironmentValue(
        process.identity.pid, keeper::kMarkerVariable);
    EXPECT_FALSE(marker.has_value() && marker->starts_with(token));
  }
}

TEST_F(KeeperTreesTest, OthersAreLeftAloneWhenOneIsKilled) {
  Spawn(Request(1, {"grandchild", File("first")}));
  Spawn(Request(2, {"grandchild", File("second")}));
  const pid_t main = Await<SpawnedEvent>(2).pid;
  Await<SpawnedEvent>(1);
  ProcessWatch first(AwaitPid(File("first")));
  const pid_t second = AwaitPid(File("second"));
  keeper_->Kill(1, 1);
  keeper_->Flush();
  Await<DrainedEvent>(1);
  first.AwaitEnd();
  EXPECT_EQ(kill(main, 0), 0);
  EXPECT_EQ(kill(second, 0), 0);
  EXPECT_EQ(Marked(2, 1).size(), 2u);
}

// A hundred trees at once, each with something that was left behind.
TEST_F(KeeperTreesTest, ManyTreesAreDrainedTogether) {
  constexpr uint32_t kCount = 100;
  for (uint32_t id = 0; id < kCount; ++id) {
    Spawn(Request(id, {"grandchild", File(absl::StrCat("pid", id))}));
  }
  std::vector<ProcessWatch> left_behind;
  for (uint32_t id = 0; id < kCount; ++id) {
    Await<SpawnedEvent>(id);
    left_behind.emplace_back(AwaitPid(File(absl::StrCat("pid", id))));
  }
  for (uint32_t id = 0; id < kCount; ++id) {
    keeper_->Stop(id, 1, SIGTERM, absl::Seconds(60));
  }
  keeper_->Flush();
  for (uint32_t id = 0; id < kCount; ++id) {
    EXPECT_EQ(Await<ExitedEvent>(id).status, SIGTERM);
    Await<DrainedEvent>(id);
    EXPECT_TRUE(kill(left_behind[id].pid(), 0) != 0);
  }
}

TEST_F(KeeperTreesTest, F23AStopWhoseMainProcessHasGoneStillCompletes) {
  Spawn(Request(1, {"orphan_exit", File("pid")}));
  Await<SpawnedEvent>(1);
  keeper_->Stop(1, 1, SIGTERM, absl::InfiniteDuration());
  keeper_->Flush();
  Await<ExitedEvent>(1);
  Await<DrainedEvent>(1);
  EXPECT_TRUE(Marked(1, 1).empty());
}

}  // namespace
}  // namespace espalier
