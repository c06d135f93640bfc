// What a process is given when it is started, and how a start can fail.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_fixture.h"
#include "supervisor/keeper/protocol.h"

namespace espalier {
namespace {

using keeper::Credentials;
using keeper::DrainedEvent;
using keeper::ExitedEvent;
using keeper::SpawnedEvent;
using keeper::SpawnFailedEvent;
using keeper::SpawnRequest;
using keeper::SpawnStage;
using testing::Each;
using testing::HasSubstr;
using testing::StartsWith;

using KeeperSpawnTest = KeeperFixture;

// How many the tables of each of its threads have, as lines of their status.
std::vector<std::string> DescriptorSlots(pid_t pid) {
  std::vector<std::string> slots;
  for (const auto& thread : std::filesystem::directory_iterator(
           absl::StrCat("/proc/", pid, "/task"))) {
    const std::string status = ReadFile(thread.path() / "status");
    const size_t begin = std::min(status.find("FDSize:"), status.size());
    slots.push_back(status.substr(begin, status.find('\n', begin) - begin));
  }
  return slots;
}

// Root outside a user namespace that maps only one user, as Bazel's sandbox is.
bool CanBecomeAnybody() {
  return geteuid() == 0 && setreuid(-1, 65534) == 0 && setreuid(-1, 0) == 0;
}

TEST_F(KeeperSpawnTest, GivesTheAttributesThatWereAskedFor) {
  SpawnRequest request = Request(1, {"attributes"});
  request.working_directory = directory_;
  request.umask = 027;
  request.nice = 19;
  request.no_new_privs = true;
  request.limits = {{.resource = RLIMIT_NOFILE, .soft = 50, .hard = 60}};
  Spawn(request);
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
  const std::string log = ReadFile(File("log"));
  EXPECT_THAT(log, HasSubstr("umask 027 nice 19 files 50/60 no_new_privs 1\n"));
  EXPECT_THAT(
      log, HasSubstr(absl::StrCat(
               "\n", std::filesystem::canonical(directory_).string(), "\n")));
}

TEST_F(KeeperSpawnTest, AnImpossibleLimitIsReportedWithItsStage) {
  SpawnRequest request = Request(1, {"exit", "0"});
  request.limits = {{.resource = RLIMIT_NOFILE, .soft = 2, .hard = 1}};
  Spawn(request);
  const auto failed = Await<SpawnFailedEvent>(1);
  EXPECT_EQ(failed.stage, SpawnStage::kResourceLimit);
  EXPECT_EQ(failed.error, EINVAL);
}

// A program below a directory that its user may not enter, as when root runs a
// checkout in /root.
TEST_F(KeeperSpawnTest, ChangesTheUserAfterTheProgramWasOpened) {
  const std::string closed = File("closed");
  ASSERT_EQ(mkdir(closed.c_str(), 0700), 0);
  std::filesystem::copy(ChildPath(), closed + "/child");
  SpawnRequest request = Request(1, {"attributes"});
  request.program = closed + "/child";
  request.credentials = Credentials{.uid = 65534, .gid = 65533, .groups = {7}};
  Spawn(request);
  if (CanBecomeAnybody()) {
    EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
    EXPECT_THAT(ReadFile(File("log")),
                StartsWith("uid 65534 gid 65533 groups 7\n"));
    Await<DrainedEvent>(1);
    // The death signal survives the change.
    request.argv = {request.program, "sleep"};
    Spawn(request);
    const pid_t pid = Await<SpawnedEvent>(1).pid;
    keeper_.reset();
    EXPECT_EQ(kill(pid, 0), -1);
  } else {
    const auto failed = Await<SpawnFailedEvent>(1);
    EXPECT_EQ(failed.stage, SpawnStage::kUser);
    EXPECT_THAT(failed.error, testing::AnyOf(EPERM, EINVAL));
  }
}

TEST_F(KeeperSpawnTest, APassedListenerServesConnections) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(bind(listener, generic, size), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  ASSERT_EQ(getsockname(listener, generic, &size), 0);
  SpawnRequest request = Request(1, {"accept"});
  request.listener_names = {"http"};
  ASSERT_TRUE(keeper_->Spawn(request, {listener}).ok());
  keeper_->Flush();
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(connect(connection, generic, size), 0);
  char answer[5];
  EXPECT_EQ(recv(connection, answer, sizeof answer, MSG_WAITALL), 5);
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
  close(connection);
  close(listener);
}

// It would have to wait for some 15 ms each time: see descriptor_table.h.
TEST_F(KeeperSpawnTest, TheTableOfDescriptorsDoesNotGrowWhileItServes) {
  const auto before = DescriptorSlots(keeper_->keeper_pid());
  EXPECT_THAT(before, Each(StartsWith("FDSize:")));
  Spawn(Request(1, {"sleep"}));
  Await<SpawnedEvent>(1);
  EXPECT_EQ(DescriptorSlots(keeper_->keeper_pid()), before);
}

TEST_F(KeeperSpawnTest, NothingThatWasPrintedIsLost) {
  SpawnRequest request = Request(1, {"print", "50000"});
  Spawn(request);
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
  Await<DrainedEvent>(1);
  EXPECT_EQ(std::filesystem::file_size(File("log")), 5'000'000u);
  request.generation = 2;
  Spawn(request);
  Await<DrainedEvent>(1);
  EXPECT_EQ(std::filesystem::file_size(File("log")), 10'000'000u);
  struct stat status = {};
  ASSERT_EQ(stat(File("log").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(KeeperSpawnTest, LargeRequestsArrive) {
  SpawnRequest request = Request(1, {"exit", "0"});
  // The kernel takes 128 KiB in one string, and 2 MiB in all of them.
  for (int i = 0; i < 10; ++i) {
    request.environment.push_back(
        absl::StrCat("V", i, "=", std::string(100'000, 'x')));
  }
  Spawn(request);
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
  Await<DrainedEvent>(1);
  request.environment.push_back("W=" + std::string(1 << 20, 'x'));
  Spawn(request);
  const auto failed = Await<SpawnFailedEvent>(1);
  EXPECT_EQ(failed.stage, SpawnStage::kExec);
  EXPECT_EQ(failed.error, E2BIG);
}

TEST_F(KeeperSpawnTest, AnIdIsNotUsedAgainWhileItsTreeLives) {
  Spawn(Request(1, {"sleep"}, 1));
  Await<SpawnedEvent>(1);
  Spawn(Request(1, {"sleep"}, 2));
  const auto failed = Await<SpawnFailedEvent>(1);
  EXPECT_EQ(failed.generation, 2u);
  EXPECT_EQ(failed.stage, SpawnStage::kRequest);
  EXPECT_EQ(failed.error, EEXIST);
}

// Opening a FIFO for writing waits for a reader: a spawn that hangs, for as
// long as the test likes.
TEST_F(KeeperSpawnTest, F05AStuckSpawnBlocksNobodyElse) {
  ASSERT_EQ(mkfifo(File("fifo").c_str(), 0600), 0);
  SpawnRequest stuck = Request(1, {"exit", "0"});
  stuck.log_path = File("fifo");
  Spawn(stuck);
  SpawnRequest stuck_too = Request(2, {"sleep"});
  stuck_too.log_path = File("fifo");
  Spawn(stuck_too);
  Spawn(Request(3, {"exit", "7"}));
  EXPECT_EQ(Await<ExitedEvent>(3).status, 7);
  Await<DrainedEvent>(3);
  // One is killed while it hangs, the other goes on when it can.
  keeper_->Kill(2, 1);
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(2).status, SIGKILL);
  Await<DrainedEvent>(2);
  const int reader = open(File("fifo").c_str(), O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(Await<ExitedEvent>(1).status, 0);
  Await<DrainedEvent>(1);
  close(reader);
}

}  // namespace
}  // namespace espalier
