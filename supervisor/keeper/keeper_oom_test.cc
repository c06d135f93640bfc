// A service that the kernel kills for lack of memory, in a cgroup around the
// keeper and all that it starts: as in a container with a limit.
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_fixture.h"
#include "supervisor/keeper/program/own_cgroup.h"
#include "supervisor/keeper/protocol.h"

namespace espalier {
namespace {

using keeper::DrainedEvent;
using keeper::ExitedEvent;
using keeper::TreeRung;

constexpr char kLimit[] = "67108864";  // 64 MiB

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// A cgroup that limits memory, of whichever version has the controller, beside
// the one that this process is in. None where none can be made.
class LimitedCgroup {
 public:
  LimitedCgroup() {
    for (const auto& [controller, limit] :
         {std::pair("memory", "/memory.limit_in_bytes"),
          std::pair("", "/memory.max")}) {
      const auto own = keeper::OwnCgroupDirectory(
          keeper::ReadFile("/proc/self/mountinfo"),
          keeper::ReadFile("/proc/self/cgroup"), controller);
      if (!own.has_value()) continue;
      directory_ = absl::StrCat(*own, "/espalier-oom-test-", getpid());
      if (mkdir(directory_.c_str(), 0755) != 0) continue;
      if (Write(directory_ + limit, kLimit)) {
        made_ = true;
        return;
      }
      rmdir(directory_.c_str());
    }
  }
  ~LimitedCgroup() {
    if (made_) rmdir(directory_.c_str());
  }

  // Whether it is in force for this process and all that it starts.
  bool Enter() const {
    return made_ && Write(directory_ + "/cgroup.procs", "0");
  }

 private:
  std::string directory_;
  bool made_ = false;
};

class KeeperOomTest : public KeeperFixture,
                      public testing::WithParamInterface<TreeRung> {
 protected:
  void SetUp() override {
    options_.rung = GetParam();
    directory_ = testing::TempDir() + "/oom-XXXXXX";
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
  }

  ExitedEvent Run(uint32_t id, std::vector<std::string> arguments) {
    Spawn(Request(id, std::move(arguments)));
    const auto exited = Await<ExitedEvent>(id);
    Await<DrainedEvent>(id);
    return exited;
  }

  void Check(bool limited) {
    Launch();
    const ExitedEvent filled = Run(1, {"fill", "256"});
    EXPECT_EQ(filled.status, limited ? SIGKILL : 0);
    EXPECT_EQ(filled.oom_killed, limited);
    // Told of the one that it happened to.
    EXPECT_FALSE(Run(2, {"exit", "7"}).oom_killed);
    Spawn(Request(3, {"sleep"}));
    const auto spawned = Await<keeper::SpawnedEvent>(3);
    ASSERT_EQ(kill(spawned.pid, SIGKILL), 0);
    EXPECT_FALSE(Await<ExitedEvent>(3).oom_killed);
    // And again.
    EXPECT_EQ(Run(4, {"fill", "256"}).oom_killed, limited);
    CheckThatAnothersIsNotOurs(limited);
  }

  // The kernel kills a process that is no service's, in the same cgroup.
  void CheckThatAnothersIsNotOurs(bool limited) {
    const pid_t other = fork();
    if (other == 0) _exit(std::string(256 << 20, 'x').back() == 'x' ? 0 : 1);
    int status = 0;
    ASSERT_EQ(waitpid(other, &status, 0), other);
    EXPECT_EQ(WIFSIGNALED(status), limited);
    EXPECT_FALSE(Run(5, {"exit", "7"}).oom_killed);
    Spawn(Request(6, {"sleep"}));
    Await<keeper::SpawnedEvent>(6);
    keeper_->Kill(6, 1);
    keeper_->Flush();
    const auto killed = Await<ExitedEvent>(6);
    EXPECT_EQ(killed.status, SIGKILL);
    EXPECT_FALSE(killed.oom_killed) << "it was we who killed it";
  }
};

// Also that one which happened to somebody else is not taken for a service's.
// Where no cgroup with a limit can be made, nothing is killed, and nothing of
// the kind told.
TEST_P(KeeperOomTest, F14AnOomKillIsReportedAsSuch) {
  const LimitedCgroup cgroup;
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    Check(cgroup.Enter());
    keeper_.reset();
    _exit(HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

INSTANTIATE_TEST_SUITE_P(Rungs, KeeperOomTest,
                         testing::ValuesIn(AvailableRungs()), RungTestName);

}  // namespace
}  // namespace espalier
