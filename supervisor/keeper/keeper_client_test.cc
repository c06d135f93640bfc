#include "supervisor/keeper/keeper_client.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_fixture.h"
#include "supervisor/testing/child_program.h"

namespace espalier {
namespace {

using keeper::DrainedEvent;
using keeper::ExitedEvent;
using keeper::SpawnedEvent;
using keeper::SpawnFailedEvent;
using keeper::SpawnRequest;
using keeper::SpawnStage;
using testing::HasSubstr;

size_t OpenDescriptors() {
  size_t count = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd");
       it != std::filesystem::directory_iterator(); ++it) {
    ++count;
  }
  return count;
}

// Until the kernel says so of the process: 'T' for stopped, 'Z' for dead and
// not reaped.
void AwaitState(pid_t pid, char state) {
  char now = '?';
  while (now != state) {
    sched_yield();
    std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
    std::string stat;
    std::getline(file, stat);
    ASSERT_FALSE(stat.empty()) << "there is no process " << pid;
    now = stat[stat.rfind(')') + 2];
  }
}

using KeeperClientTest = KeeperFixture;

TEST_F(KeeperClientTest, ReportsTheExactEndOfAProcess) {
  for (int code : {0, 7, 255}) {
    Spawn(Request(1, {"exit", absl::StrCat(code)}));
    EXPECT_GT(Await<SpawnedEvent>(1).pid, 0);
    const ExitedEvent exited = Await<ExitedEvent>(1);
    EXPECT_EQ(exited.code, CLD_EXITED);
    EXPECT_EQ(exited.status, code);
    Await<DrainedEvent>(1);
  }
}

TEST_F(KeeperClientTest, ReportsTheSignalThatEndedAProcess) {
  Spawn(Request(1, {"sleep"}));
  Await<SpawnedEvent>(1);
  keeper_->Signal(1, 1, SIGUSR1);
  keeper_->Flush();
  const ExitedEvent exited = Await<ExitedEvent>(1);
  EXPECT_EQ(exited.code, CLD_KILLED);
  EXPECT_EQ(exited.status, SIGUSR1);
  Await<DrainedEvent>(1);
}

TEST_F(KeeperClientTest, F01AMissingProgramIsReportedWithItsStage) {
  SpawnRequest request = Request(1, {});
  request.program = "/no/such/program";
  Spawn(request);
  const SpawnFailedEvent failed = Await<SpawnFailedEvent>(1);
  EXPECT_EQ(failed.error, ENOENT);
  EXPECT_EQ(failed.stage, SpawnStage::kOpenProgram);
}

TEST_F(KeeperClientTest, F02WhatElseKeepsAProgramFromStarting) {
  std::ofstream(File("text")) << "not a program";
  SpawnRequest request = Request(1, {});
  request.program = File("text");
  Spawn(request);
  SpawnFailedEvent failed = Await<SpawnFailedEvent>(1);
  EXPECT_EQ(failed.error, EACCES);
  EXPECT_EQ(failed.stage, SpawnStage::kExec);

  chmod(File("text").c_str(), 0755);
  Spawn(request);
  failed = Await<SpawnFailedEvent>(1);
  EXPECT_EQ(failed.error, ENOEXEC);

  std::ofstream(File("script")) << "#!/no/such/interpreter\n";
  chmod(File("script").c_str(), 0755);
  request.program = File("script");
  Spawn(request);
  failed = Await<SpawnFailedEvent>(1);
  EXPECT_EQ(failed.error, ENOENT);
  EXPECT_EQ(failed.stage, SpawnStage::kExec);

  request = Request(1, {"exit", "0"});
  request.working_directory = "/no/such/directory";
  Spawn(request);
  failed = Await<SpawnFailedEvent>(1);
  EXPECT_EQ(failed.error, ENOENT);
  EXPECT_EQ(failed.stage, SpawnStage::kWorkingDirectory);

  request = Request(1, {"exit", "0"});
  request.log_path = "/no/such/directory/log";
  Spawn(request);
  EXPECT_EQ(Await<SpawnFailedEvent>(1).stage, SpawnStage::kOpenLog);
}

TEST_F(KeeperClientTest, RefusesWhatCannotBeSent) {
  SpawnRequest request = Request(1, {});
  request.program = "relative";
  EXPECT_FALSE(keeper_->Spawn(request).ok());
  request = Request(1, {std::string("a\0b", 3)});
  EXPECT_FALSE(keeper_->Spawn(request).ok());
  request = Request(1, {std::string(keeper::kMaxFrameBytes, 'x')});
  EXPECT_FALSE(keeper_->Spawn(request).ok());
}

TEST_F(KeeperClientTest, AChildHasACleanEnvironmentAndNoStrayDescriptors) {
  const int socket_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // Would be inherited if anything were.
  const int stray = open("/dev/null", O_RDONLY);
  Launch();
  SpawnRequest request = Request(3, {"environment"});
  request.environment = {"A=1"};
  request.listener_names = {"web"};
  ASSERT_TRUE(keeper_->Spawn(request, {socket_fd}).ok());
  keeper_->Flush();
  const pid_t pid = Await<SpawnedEvent>(3).pid;
  Await<DrainedEvent>(3);
  std::set<std::string> lines;
  std::istringstream log(ReadFile(File("log")));
  for (std::string line; std::getline(log, line);) lines.insert(line);
  const std::string marker = absl::StrCat(keeper::kMarkerVariable.data(), "=",
                                          keeper_->hello().token, "/3/1");
  EXPECT_EQ(lines,
            (std::set<std::string>{
                "A=1", marker, "LISTEN_FDS=1", absl::StrCat("LISTEN_PID=", pid),
                "LISTEN_FDNAMES=web", "fd 0", "fd 1", "fd 2", "fd 3"}));
  close(socket_fd);
  close(stray);
}

TEST_F(KeeperClientTest, F07AChildHasDefaultSignals) {
  // What this process ignores and blocks must not reach it.
  signal(SIGHUP, SIG_IGN);
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  Launch();
  sigprocmask(SIG_SETMASK, &before, nullptr);
  signal(SIGHUP, SIG_DFL);
  Spawn(Request(1, {"signals"}));
  Await<DrainedEvent>(1);
  EXPECT_EQ(ReadFile(File("log")),
            "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_F(KeeperClientTest, ReportsANewlineOnTheReadinessDescriptor) {
  SpawnRequest request = Request(1, {"ready", "3"});
  request.readiness_variable = "READY_FD";
  Spawn(request);
  Await<keeper::ReadyEvent>(1);
}

TEST_F(KeeperClientTest, AStopEndsAtItsDeadlineByKilling) {
  Spawn(Request(1, {"ignore_term"}));
  Await<SpawnedEvent>(1);
  while (!absl::StrContains(ReadFile(File("log")), "ignoring")) sched_yield();
  keeper_->Stop(1, 1, SIGTERM, absl::Milliseconds(20));
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
  Await<DrainedEvent>(1);
}

TEST_F(KeeperClientTest, AStopOfAWillingProcessNeedsNoDeadline) {
  Spawn(Request(1, {"sleep"}));
  Await<SpawnedEvent>(1);
  keeper_->Stop(1, 1, SIGTERM, absl::InfiniteDuration());
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGTERM);
  Await<DrainedEvent>(1);
}

TEST_F(KeeperClientTest, F12RequestsForWhatIsGoneAreIgnored) {
  Spawn(Request(1, {"exit", "0"}));
  Await<SpawnedEvent>(1);
  Await<DrainedEvent>(1);
  Spawn(Request(1, {"sleep"}, /*generation=*/2));
  const pid_t pid = Await<SpawnedEvent>(1).pid;
  keeper_->Stop(1, /*generation=*/1, SIGTERM, absl::ZeroDuration());
  keeper_->Kill(1, 1);
  keeper_->Signal(1, 1, SIGKILL);
  keeper_->Signal(1, 2, 0);
  Spawn(Request(2, {"exit", "0"}));
  Await<DrainedEvent>(2);
  EXPECT_EQ(kill(pid, 0), 0);
}

// The keeper stands still until all is there, the orders first; of so many
// deaths it does not see the last ones before it has looked at the orders.
TEST_F(KeeperClientTest, F12AStopThatComesBetweenDeathAndReapIsNoError) {
  constexpr uint32_t kServices = 1000;
  std::vector<pid_t> pids;
  for (uint32_t id = 1; id <= kServices; ++id) {
    Spawn(Request(id, {"sleep"}));
    pids.push_back(Await<SpawnedEvent>(id).pid);
  }
  const pid_t keeper = keeper_->hello().keeper_pid;
  ASSERT_EQ(kill(keeper, SIGSTOP), 0);
  AwaitState(keeper, 'T');
  for (uint32_t id = 1; id <= kServices; ++id) {
    keeper_->Stop(id, 1, SIGTERM, absl::Hours(1));
  }
  keeper_->Flush();
  for (const pid_t pid : pids) ASSERT_EQ(kill(pid, SIGKILL), 0);
  for (const pid_t pid : pids) AwaitState(pid, 'Z');
  ASSERT_EQ(kill(keeper, SIGCONT), 0);
  for (uint32_t id = 1; id <= kServices; ++id) {
    ASSERT_EQ(Await<ExitedEvent>(id).status, SIGKILL) << "how it did end";
    Await<DrainedEvent>(id);
  }
  Spawn(Request(1, {"exit", "3"}, /*generation=*/2));
  EXPECT_EQ(Await<ExitedEvent>(1).status, 3) << "it was not meant";
}

TEST_F(KeeperClientTest, F20AGrandchildIsGoneBeforeDrained) {
  Spawn(Request(1, {"grandchild", File("pid")}));
  Await<SpawnedEvent>(1);
  ProcessWatch grandchild(AwaitPid(File("pid")));
  keeper_->Stop(1, 1, SIGTERM, absl::Seconds(60));
  keeper_->Flush();
  Await<DrainedEvent>(1);
  EXPECT_EQ(kill(grandchild.pid(), 0), -1);
}

TEST_F(KeeperClientTest, F23WhatAMainProcessLeavesBehindIsKilled) {
  Spawn(Request(1, {"orphan_exit", File("pid")}));
  EXPECT_EQ(Await<ExitedEvent>(1).code, CLD_EXITED);
  Await<DrainedEvent>(1);
  EXPECT_EQ(kill(AwaitPid(File("pid")), 0), -1);
}

TEST_F(KeeperClientTest, F20OneThatClearedItsEnvironmentDiesWithTheInstance) {
  Spawn(Request(1, {"traceless", File("pid")}));
  ProcessWatch nameless(AwaitPid(File("pid")));
  keeper_.reset();
  EXPECT_EQ(kill(nameless.pid(), 0), -1);
}

TEST_F(KeeperClientTest, ManyChildrenAreKilledWithTheirParent) {
  Spawn(Request(1, {"forks", "200"}));
  Await<SpawnedEvent>(1);
  keeper_->Kill(1, 1);
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
  Await<DrainedEvent>(1);
}

TEST_F(KeeperClientTest, F10AThousandDeathsAreReportedExactlyOnce) {
  constexpr uint32_t kCount = 1000;
  for (uint32_t id = 0; id < kCount; ++id) {
    ASSERT_TRUE(
        keeper_->Spawn(Request(id, {"exit", absl::StrCat(id % 200)})).ok());
  }
  keeper_->Flush();
  std::map<uint32_t, int> statuses;
  std::set<uint32_t> drained;
  while (drained.size() < kCount) {
    pollfd entry{.fd = keeper_->fd(), .events = POLLIN, .revents = 0};
    if (keeper_->wants_write()) entry.events |= POLLOUT;
    poll(&entry, 1, -1);
    keeper_->Flush();
    auto events = keeper_->ReadEvents();
    ASSERT_TRUE(events.ok()) << events.status();
    for (const auto& event : *events) {
      EXPECT_EQ(std::get_if<SpawnFailedEvent>(&event), nullptr);
      if (const auto* exited = std::get_if<ExitedEvent>(&event)) {
        EXPECT_TRUE(statuses.emplace(exited->id, exited->status).second);
      }
      if (const auto* gone = std::get_if<DrainedEvent>(&event)) {
        EXPECT_TRUE(drained.insert(gone->id).second);
      }
    }
  }
  ASSERT_EQ(statuses.size(), kCount);
  for (const auto& [id, status] : statuses) {
    EXPECT_EQ(status, static_cast<int>(id % 200));
  }
}

TEST_F(KeeperClientTest, F67TheLossOfTheKeeperIsTold) {
  Spawn(Request(1, {"sleep"}));
  ProcessWatch service(Await<SpawnedEvent>(1).pid);
  kill(keeper_->keeper_pid(), SIGKILL);
  service.AwaitEnd();
  absl::Status lost;
  while (lost.ok()) {
    pollfd entry{.fd = keeper_->fd(), .events = POLLIN, .revents = 0};
    poll(&entry, 1, -1);
    lost = keeper_->ReadEvents().status();
  }
  EXPECT_TRUE(absl::IsUnavailable(lost)) << lost;
}

// Nobody but the client is left then: main processes die with the keeper, what
// they left behind is recognised by its marker.
TEST_F(KeeperClientTest, F67WithoutGuardAndKeeperTheClientEndsWhatIsLeft) {
  Spawn(Request(1, {"grandchild", File("pid")}));
  ProcessWatch service(Await<SpawnedEvent>(1).pid);
  ProcessWatch grandchild(AwaitPid(File("pid")));
  kill(keeper_->guard_pid(), SIGSTOP);  // It must not be the one to do it.
  kill(keeper_->keeper_pid(), SIGKILL);
  service.AwaitEnd();
  EXPECT_EQ(kill(grandchild.pid(), 0), 0);
  kill(keeper_->guard_pid(), SIGKILL);
  keeper_.reset();
  grandchild.AwaitEnd();
}

TEST_F(KeeperClientTest, LeavesNoDescriptorAndNoChild) {
  keeper_.reset();
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 5; ++i) {
    Launch();
    Spawn(Request(1, {"sleep"}));
    Await<SpawnedEvent>(1);
    keeper_.reset();
    events_.clear();
  }
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

// Which of the three processes is killed, together.
struct Victims {
  std::string name;
  bool environment, guard, keeper;
};

class KeeperDeathTest : public testing::TestWithParam<Victims> {};

TEST_P(KeeperDeathTest, EndsEveryProcess) {
  std::string directory = testing::TempDir() + "/keeper-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  ChildProgram environment({"supervisor/keeper/testcases/environment",
                            ChildPath(), directory + "/pid"});
  ASSERT_TRUE(environment.AwaitOutput("\n")) << environment.output();
  int guard = 0, keeper = 0, service = 0;
  ASSERT_EQ(sscanf(environment.output().c_str(),
                   "guard %d keeper %d service %d", &guard, &keeper, &service),
            3);
  std::vector<ProcessWatch> watches;
  for (pid_t pid : {guard, keeper, service, AwaitPid(directory + "/pid")}) {
    watches.emplace_back(pid);
  }
  if (GetParam().environment) environment.Signal(SIGKILL);
  if (GetParam().guard) kill(guard, SIGKILL);
  if (GetParam().keeper) kill(keeper, SIGKILL);
  for (const ProcessWatch& watch : watches) watch.AwaitEnd();
  EXPECT_EQ(environment.Wait(), GetParam().environment ? -SIGKILL : 3);
  std::filesystem::remove_all(directory);
}

// The service ignores the stop and has all the time it wants.
TEST(KeeperDeathInAStopTest, F66TheEnvironmentIsKilledInTheMiddleOfAStop) {
  ChildProgram environment(
      {"supervisor/keeper/testcases/environment", ChildPath()});
  ASSERT_TRUE(environment.AwaitOutput("\n")) << environment.output();
  int guard = 0, keeper = 0, service = 0;
  ASSERT_EQ(sscanf(environment.output().c_str(),
                   "guard %d keeper %d service %d", &guard, &keeper, &service),
            3);
  std::vector<ProcessWatch> watches;
  for (pid_t pid : {guard, keeper, service}) watches.emplace_back(pid);
  environment.Signal(SIGKILL);
  for (const ProcessWatch& watch : watches) watch.AwaitEnd();
  EXPECT_EQ(environment.Wait(), -SIGKILL);
}

INSTANTIATE_TEST_SUITE_P(
    F60, KeeperDeathTest,
    testing::Values(Victims{"environment", true, false, false},
                    Victims{"guard", false, true, false},
                    Victims{"keeper", false, false, true},
                    Victims{"environment_guard", true, true, false},
                    Victims{"environment_keeper", true, false, true}),
    [](const auto& info) { return info.param.name; });

// Where numbers of processes mean others in /proc, none may be signalled by
// what stands there.
TEST_F(KeeperClientTest, IsRefusedInAPidNamespaceWithoutItsOwnProc) {
  const pid_t outer = fork();
  if (outer == 0) {
    // Where nobody may make one, nobody is in one.
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) _exit(0);
    const pid_t inner = fork();
    if (inner == 0) {
      const auto launched = KeeperClient::Launch({});
      const bool refused =
          launched.status().code() == absl::StatusCode::kFailedPrecondition &&
          absl::StrContains(launched.status().message(), "--mount-proc");
      _exit(refused ? 0 : 1);
    }
    int status = 0;
    waitpid(inner, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(outer, &status, 0), outer);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace espalier
