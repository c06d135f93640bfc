#include "supervisor/keeper/program/process_scan.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace espalier::keeper {
namespace {

ProcessInfo Process(pid_t pid, pid_t parent) {
  ProcessInfo info;
  info.identity.pid = pid;
  info.parent = parent;
  return info;
}

TEST(ParseStatTest, ReadsTheFieldsThatMatter) {
  const auto info = ParseStat(
      42,
      "42 (a) b) (c)) S 7 42 41 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 98765 "
      "1000 20 18446744073709551615\n");
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->identity, (ProcessIdentity{.pid = 42, .start_time = 98765}));
  EXPECT_EQ(info->parent, 7);
  EXPECT_EQ(info->session, 41);
  EXPECT_EQ(info->state, 'S');
  EXPECT_FALSE(info->dead());
}

TEST(ParseStatTest, WhoHasThreadsLeftIsNotDead) {
  const std::string before =
      "42 (name) Z 7 42 41 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 ";
  EXPECT_TRUE(ParseStat(42, before + "1 0 9")->dead());
  EXPECT_FALSE(ParseStat(42, before + "2 0 9")->dead());
}

TEST(ParseStatTest, RefusesWhatIsCutOff) {
  const std::string stat =
      "42 (name) Z 7 42 41 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 9";
  EXPECT_TRUE(ParseStat(42, stat)->dead());
  for (size_t n = 0; n < stat.size(); ++n) {
    EXPECT_FALSE(ParseStat(42, stat.substr(0, n)).has_value()) << n;
  }
}

TEST(BranchesOfTest, NamesTheChildOfTheRootThatOneDescendsFrom) {
  const std::vector<ProcessInfo> processes = {
      Process(1, 0),   Process(10, 1),  Process(20, 10), Process(21, 10),
      Process(30, 40), Process(40, 20), Process(50, 1),
  };
  EXPECT_EQ(BranchesOf(10, processes),
            (std::vector<pid_t>{0, 0, 20, 21, 20, 20, 0}));
}

TEST(BranchesOfTest, ACycleThatAReusedNumberMakesHasAnEnd) {
  const std::vector<ProcessInfo> processes = {Process(5, 6), Process(6, 5),
                                              Process(7, 6)};
  EXPECT_EQ(BranchesOf(1, processes), (std::vector<pid_t>{0, 0, 0}));
}

TEST(ProcessScanTest, FindsThisProcess) {
  const auto processes = ScanProcesses();
  EXPECT_TRUE(std::is_sorted(
      processes.begin(), processes.end(),
      [](const auto& a, const auto& b) { return a.identity < b.identity; }));
  const auto self =
      std::find_if(processes.begin(), processes.end(),
                   [](const auto& p) { return p.identity.pid == getpid(); });
  ASSERT_NE(self, processes.end());
  EXPECT_EQ(self->parent, getppid());
  EXPECT_EQ(self->session, getsid(0));
}

// A child that waits for a signal.
class Child {
 public:
  Child() : pid_(fork()) {
    if (pid_ == 0) {
      while (true) pause();
    }
  }
  ~Child() { End(); }
  void End() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(ProcessScanTest, SignalsExactlyTheProcessThatIsMeant) {
  Child child;
  const auto info = ReadProcess(child.pid());
  ASSERT_TRUE(info.has_value());
  ProcessIdentity earlier = info->identity;
  --earlier.start_time;
  // The same number, but an earlier owner of it.
  EXPECT_FALSE(SignalProcess(earlier, SIGKILL));
  EXPECT_EQ(waitpid(child.pid(), nullptr, WNOHANG), 0);
  EXPECT_TRUE(SignalProcess(info->identity, 0));
  child.End();
  EXPECT_FALSE(SignalProcess(info->identity, 0));
}

TEST(ProcessScanTest, ReadsTheEnvironmentAProcessWasStartedWith) {
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    std::string large = "LARGE=" + std::string(100'000, 'x');
    std::string wanted = "WANTED=a=b";
    std::string program = "/bin/sleep", forever = "infinity";
    char* argv[] = {program.data(), forever.data(), nullptr};
    char* envp[] = {large.data(), wanted.data(), nullptr};
    execve(program.c_str(), argv, envp);
    _exit(1);
  }
  close(ready[1]);
  char byte;
  EXPECT_EQ(read(ready[0], &byte, 1), 0);  // exec has closed the other end.
  close(ready[0]);
  EXPECT_EQ(InitialEnvironmentValue(pid, "WANTED"), "a=b");
  EXPECT_EQ(InitialEnvironmentValue(pid, "ANTED"), std::nullopt);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  EXPECT_EQ(InitialEnvironmentValue(pid, "WANTED"), std::nullopt);
}

}  // namespace
}  // namespace espalier::keeper
