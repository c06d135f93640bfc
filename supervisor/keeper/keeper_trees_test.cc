// Nothing of a process tree is left when it is said to be drained.
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_fixture.h"
#include "supervisor/keeper/program/own_cgroup.h"
#include "supervisor/keeper/program/process_scan.h"
#include "supervisor/keeper/protocol.h"
#include "supervisor/testing/child_program.h"
#include "supervisor/testing/tracer.h"

namespace espalier {
namespace {

using keeper::DrainedEvent;
using keeper::ExitedEvent;
using keeper::SpawnedEvent;

class KeeperTreesTest : public KeeperFixture,
                        public testing::WithParamInterface<keeper::TreeRung> {
 protected:
  void SetUp() override {
    options_.rung = GetParam();
    KeeperFixture::SetUp();
    EXPECT_EQ(keeper_->hello().rung, GetParam());
  }

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

  // Blocks until the process has that letter in /proc/PID/stat, which its
  // leading thread alone decides.
  static void AwaitState(pid_t pid, char state) {
    while (keeper::ReadProcess(pid)->state != state) sched_yield();
  }

  // Blocks until the keeper sleeps. One that turns without end does not; what
  // asks for its children looks asleep for a moment, so one look is not enough.
  void AwaitRest() {
    constexpr int kLooks = 100;
    for (int asleep = 0; asleep < kLooks; sched_yield()) {
      asleep = Sleeps(keeper_->keeper_pid()) ? asleep + 1 : 0;
    }
  }
  static bool Sleeps(pid_t pid) {
    for (const auto& thread : std::filesystem::directory_iterator(
             absl::StrCat("/proc/", pid, "/task"))) {
      if (!absl::StrContains(ReadFile(thread.path() / "stat"), ") S ")) {
        return false;
      }
    }
    return true;
  }

  void AwaitLog(const std::string& text) {
    while (!absl::StrContains(ReadFile(File("log")), text)) sched_yield();
  }
};

TEST_P(KeeperTreesTest, F21AForkBombIsEndedWhileItForks) {
  Spawn(Request(1, {"bomb", "800"}));
  Await<SpawnedEvent>(1);
  AwaitLog("going");
  EXPECT_FALSE(Marked(1, 1).empty());
  keeper_->Kill(1, 1);
  keeper_->Flush();
  Await<DrainedEvent>(1);
  EXPECT_TRUE(Marked(1, 1).empty());
}

TEST_P(KeeperTreesTest, F21AForkBombEndsWithTheInstance) {
  Spawn(Request(1, {"bomb", "800"}));
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

TEST_P(KeeperTreesTest, OthersAreLeftAloneWhenOneIsKilled) {
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
TEST_P(KeeperTreesTest, ManyTreesAreDrainedTogether) {
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
    // It runs no more; that its number is free again may take a moment longer,
    // since the kernel takes the dying out of their cgroup first.
    EXPECT_TRUE(Marked(id, 1).empty());
    left_behind[id].AwaitEnd();
  }
}

// Dead, but not to be reaped: it keeps its place, there is no second copy, and
// the keeper neither waits for it nor turns around it.
TEST_P(KeeperTreesTest, F22WhatIsNotToBeReapedKeepsItsPlaceUntilItIs) {
  Spawn(Request(1, {"traceable"}));
  const pid_t pid = Await<SpawnedEvent>(1).pid;
  AwaitLog("traceable");
  {
    const Tracer tracer(pid);
    keeper_->Kill(1, 1);
    keeper_->Flush();
    tracer.AwaitDeath();
    Spawn(Request(2, {"exit", "3"}));
    EXPECT_EQ(Await<ExitedEvent>(2).status, 3);
    Await<DrainedEvent>(2);
    AwaitRest();
    Spawn(Request(1, {"sleep"}, 2));
    EXPECT_EQ(Await<keeper::SpawnFailedEvent>(1).error, EEXIST);
    for (const keeper::Event& event : events_) {
      EXPECT_FALSE(std::holds_alternative<ExitedEvent>(event));
    }
  }
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
  Await<DrainedEvent>(1);
}

TEST_P(KeeperTreesTest, F22TheEndWaitsForWhatIsNotToBeReapedWithoutTurning) {
  Spawn(Request(1, {"traceable"}));
  const pid_t pid = Await<SpawnedEvent>(1).pid;
  AwaitLog("traceable");
  Spawn(Request(2, {"sleep"}));
  const ProcessWatch other(Await<SpawnedEvent>(2).pid);
  const ProcessWatch keeper(keeper_->keeper_pid());
  {
    const Tracer tracer(pid);
    keeper_->Kill(1, 1);
    keeper_->Flush();
    tracer.AwaitDeath();
    keeper_->Shutdown();
    keeper_->Flush();
    other.AwaitEnd();
    AwaitRest();
  }
  keeper.AwaitEnd();
}

TEST_P(KeeperTreesTest, F23AStopWhoseMainProcessHasGoneStillCompletes) {
  Spawn(Request(1, {"orphan_exit", File("pid")}));
  Await<SpawnedEvent>(1);
  keeper_->Stop(1, 1, SIGTERM, absl::InfiniteDuration());
  keeper_->Flush();
  Await<ExitedEvent>(1);
  Await<DrainedEvent>(1);
  EXPECT_TRUE(Marked(1, 1).empty());
}

TEST_P(KeeperTreesTest, F20AGrandchildIsGoneBeforeDrained) {
  Spawn(Request(1, {"grandchild", File("pid")}));
  Await<SpawnedEvent>(1);
  ProcessWatch grandchild(AwaitPid(File("pid")));
  keeper_->Stop(1, 1, SIGTERM, absl::Seconds(60));
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGTERM);
  Await<DrainedEvent>(1);
  EXPECT_TRUE(Marked(1, 1).empty());
  grandchild.AwaitEnd();
}

// Of one that has no marker in its environment any more there is the limit.
TEST_P(KeeperTreesTest, F20AGrandchildWithoutEnvironmentIsGoneToo) {
  for (const std::string mode : {"nameless", "titled"}) {
    SCOPED_TRACE(mode);
    Spawn(Request(1, {mode, File(mode)}));
    Await<SpawnedEvent>(1);
    const ProcessWatch grandchild(AwaitPid(File(mode)));
    keeper_->Kill(1, 1);
    keeper_->Flush();
    Await<ExitedEvent>(1);
    Await<DrainedEvent>(1);
    EXPECT_EQ(kill(grandchild.pid(), 0), -1);
  }
}

TEST_P(KeeperTreesTest, F20AProcessWithoutItsLeadingThreadIsGoneToo) {
  Spawn(Request(1, {"leaderless", File("pid")}));
  Await<SpawnedEvent>(1);
  const pid_t child = AwaitPid(File("pid"));
  AwaitState(child, 'Z');
  keeper_->Kill(1, 1);
  keeper_->Flush();
  Await<ExitedEvent>(1);
  Await<DrainedEvent>(1);
  EXPECT_EQ(kill(child, 0), -1);
}

TEST_P(KeeperTreesTest, F20AProcessWithoutItsLeadingThreadEndsWithTheInstance) {
  Spawn(Request(1, {"leaderless", File("pid")}));
  Await<SpawnedEvent>(1);
  const pid_t child = AwaitPid(File("pid"));
  AwaitState(child, 'Z');
  keeper_.reset();
  EXPECT_EQ(kill(child, 0), -1);
}

// However quick it is: the lock is free when nothing of it is left.
TEST_P(KeeperTreesTest, F21WhatForksAndEndsForEverIsCaught) {
  const int lock =
      open(File("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  for (uint64_t generation = 1; generation <= 8; ++generation) {
    Spawn(Request(1, {"forks_on", File("lock")}, generation));
    Await<SpawnedEvent>(1);
    while (flock(lock, LOCK_EX | LOCK_NB) == 0) {
      flock(lock, LOCK_UN);
      sched_yield();
    }
    keeper_->Signal(1, generation, SIGKILL);
    keeper_->Flush();
    Await<ExitedEvent>(1);
    Await<DrainedEvent>(1);
    ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0) << generation;
    flock(lock, LOCK_UN);
  }
  close(lock);
}

TEST_P(KeeperTreesTest, AStopReachesWhatSomebodyHasStopped) {
  Spawn(Request(1, {"sleep"}));
  const pid_t pid = Await<SpawnedEvent>(1).pid;
  keeper_->Signal(1, 1, SIGSTOP);
  keeper_->Flush();
  AwaitState(pid, 'T');
  keeper_->Stop(1, 1, SIGTERM, absl::InfiniteDuration());
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGTERM);
  Await<DrainedEvent>(1);
}

// A run that starts does not find the cgroups that the one before has made.
TEST_P(KeeperTreesTest, CgroupsOfAServicesOwnEndWithItsRun) {
  if (GetParam() == keeper::TreeRung::kMarker) return;
  for (uint64_t generation = 1; generation <= 2; ++generation) {
    Spawn(Request(1, {"sleep"}, generation));
    const pid_t pid = Await<SpawnedEvent>(1).pid;
    const auto cgroup = keeper::OwnCgroupDirectory(
        keeper::ReadFile("/proc/self/mountinfo"),
        keeper::ReadFile(absl::StrCat("/proc/", pid, "/cgroup")));
    ASSERT_TRUE(cgroup.has_value());
    EXPECT_EQ(mkdir((*cgroup + "/inner").c_str(), 0755), 0) << strerror(errno);
    keeper_->Signal(1, generation, SIGKILL);
    keeper_->Flush();
    EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
    Await<DrainedEvent>(1);
  }
}

TEST_P(KeeperTreesTest, AfterATreeWasKilledTheNextRunLives) {
  Spawn(Request(1, {"grandchild", File("pid")}));
  Await<SpawnedEvent>(1);
  AwaitPid(File("pid"));
  keeper_->Kill(1, 1);
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
  Await<DrainedEvent>(1);
  keeper::SpawnRequest next = Request(1, {"grandchild", File("next")});
  next.generation = 2;
  Spawn(next);
  Await<SpawnedEvent>(1);
  keeper_->Stop(1, 2, SIGTERM, absl::Seconds(60));
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGTERM);
}

// One that has neither: with the service where there is a cgroup, with the
// instance elsewhere.
TEST_P(KeeperTreesTest, F20NothingHidesFromTheEndOfTheInstance) {
  Spawn(Request(1, {"traceless", File("pid")}));
  Await<SpawnedEvent>(1);
  ProcessWatch nameless(AwaitPid(File("pid")));
  if (GetParam() == keeper::TreeRung::kMarker) {
    keeper_.reset();
  } else {
    keeper_->Stop(1, 1, SIGTERM, absl::Seconds(60));
    keeper_->Flush();
    Await<DrainedEvent>(1);
  }
  EXPECT_EQ(kill(nameless.pid(), 0), -1);
}

TEST_P(KeeperTreesTest, AStopThatIsIgnoredEndsAtItsDeadlineForTheWholeTree) {
  Spawn(Request(1, {"ignore_term"}));
  Await<SpawnedEvent>(1);
  AwaitLog("ignoring");
  keeper_->Stop(1, 1, SIGTERM, absl::Milliseconds(20));
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
  Await<DrainedEvent>(1);
}

TEST_P(KeeperTreesTest, AFailedSpawnLeavesNothing) {
  for (uint64_t generation = 1; generation <= 3; ++generation) {
    keeper::SpawnRequest request = Request(1, {}, generation);
    request.program = "/no/such/program";
    Spawn(request);
    EXPECT_EQ(Await<keeper::SpawnFailedEvent>(1).error, ENOENT);
  }
  Spawn(Request(1, {"exit", "3"}, 4));
  EXPECT_EQ(Await<ExitedEvent>(1).status, 3);
  Await<DrainedEvent>(1);
}

// The child writes without end, so two looks that see the same mean that it
// stands still; between them is what another run takes.
TEST_P(KeeperTreesTest, AFrozenServiceStandsStillUntilItIsThawed) {
  Spawn(Request(1, {"count", File("count")}));
  Await<SpawnedEvent>(1);
  while (ReadFile(File("count")).empty()) sched_yield();
  keeper_->Freeze(1, 1, true);
  uint64_t generation = 0;
  std::string seen;
  do {
    seen = ReadFile(File("count"));
    keeper::SpawnRequest other = Request(2, {"exit", "0"}, ++generation);
    Spawn(other);
    Await<DrainedEvent>(2);
  } while (ReadFile(File("count")) != seen);
  keeper_->Freeze(1, 1, false);
  keeper_->Flush();
  while (ReadFile(File("count")) == seen) sched_yield();
}

TEST_P(KeeperTreesTest, AStopThawsWhatIsFrozen) {
  Spawn(Request(1, {"sleep"}));
  Await<SpawnedEvent>(1);
  keeper_->Freeze(1, 1, true);
  keeper_->Stop(1, 1, SIGTERM, absl::InfiniteDuration());
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGTERM);
  Await<DrainedEvent>(1);
}

// Its end thaws it: the next run is not born into a frozen cgroup.
TEST_P(KeeperTreesTest, WhatDiesFrozenRunsAgain) {
  for (uint64_t generation = 1; generation <= 3; ++generation) {
    Spawn(Request(1, {"sleep"}, generation));
    Await<SpawnedEvent>(1);
    keeper_->Freeze(1, generation, true);
    keeper_->Signal(1, generation, SIGKILL);
    keeper_->Flush();
    EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
    Await<DrainedEvent>(1);
  }
  Spawn(Request(1, {"exit", "0"}, 4));
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
  Await<DrainedEvent>(1);
}

TEST_P(KeeperTreesTest, AStoppedServiceGetsItsCgroupAnew) {
  for (uint64_t generation = 1; generation <= 3; ++generation) {
    Spawn(Request(1, {"sleep"}, generation));
    Await<SpawnedEvent>(1);
    keeper_->Stop(1, generation, SIGTERM, absl::InfiniteDuration());
    keeper_->Flush();
    EXPECT_EQ(Await<ExitedEvent>(1).status, SIGTERM);
    Await<DrainedEvent>(1);
  }
}

// Nothing is left of it when that is told, not even an empty directory.
TEST_P(KeeperTreesTest, TheCgroupOfAStoppedServiceIsGone) {
  Spawn(Request(1, {"sleep"}));
  const pid_t pid = Await<SpawnedEvent>(1).pid;
  const auto cgroup = keeper::OwnCgroupDirectory(
      keeper::ReadFile("/proc/self/mountinfo"),
      keeper::ReadFile(absl::StrCat("/proc/", pid, "/cgroup")));
  keeper_->Stop(1, 1, SIGTERM, absl::InfiniteDuration());
  keeper_->Flush();
  Await<DrainedEvent>(1);
  if (GetParam() == keeper::TreeRung::kMarker) return;
  ASSERT_TRUE(cgroup.has_value());
  EXPECT_EQ(access(cgroup->c_str(), F_OK), -1) << *cgroup;
}

// In force, or said once not to be; the service runs in either case.
TEST_P(KeeperTreesTest, F14LimitsAreInForceOrItIsSaidOnce) {
  bool told = false;
  for (uint32_t id = 1; id <= 3; ++id) {
    keeper::SpawnRequest request = Request(id, {"fill", "64"});
    request.tree.memory_bytes = 32 << 20;
    request.tree.tasks = 50;
    Spawn(request);
    const auto exited = Await<ExitedEvent>(id);
    int notes = 0;
    for (auto it = events_.begin(); it != events_.end();) {
      const bool note = std::holds_alternative<keeper::NoteEvent>(*it);
      notes += note ? 1 : 0;
      it = note ? events_.erase(it) : it + 1;
    }
    EXPECT_EQ(notes, id == 1 && exited.code == CLD_EXITED ? 1 : 0);
    told |= notes > 0;
    EXPECT_EQ(exited.oom_killed, !told);
    EXPECT_EQ(exited.status, told ? 0 : SIGKILL);
  }
}

INSTANTIATE_TEST_SUITE_P(Rungs, KeeperTreesTest,
                         testing::ValuesIn(AvailableRungs()), RungTestName);

}  // namespace
}  // namespace espalier
