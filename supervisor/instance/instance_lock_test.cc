#include "supervisor/instance/instance_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/instance/instance_list.h"
#include "supervisor/instance/lock_holder.h"

namespace espalier {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class InstanceLockTest : public testing::Test {
 protected:
  InstanceLockTest() {
    EXPECT_NE(mkdtemp(host_.tmp.data()), nullptr);
    paths_ = InstancePaths::Create(
        {.environment = "two", .data_dir = host_.tmp + "/data"}, host_);
    EXPECT_EQ(paths_.status(), absl::OkStatus());
  }
  ~InstanceLockTest() override { std::filesystem::remove_all(host_.tmp); }

  HostFacts host_ = {.uid = geteuid(),
                     .executable = "/opt/two/two",
                     .working_directory = "/",
                     .home = "/home/u",
                     .tmp = "/tmp/lock_XXXXXX"};
  absl::StatusOr<InstancePaths> paths_ = absl::UnknownError("");
};

// A process that holds the lock until it is killed.
class Holder {
 public:
  explicit Holder(const InstancePaths& paths) {
    int ready[2];
    EXPECT_EQ(pipe2(ready, O_CLOEXEC), 0);
    pid_ = fork();
    if (pid_ == 0) {
      absl::StatusOr<InstanceLock> lock = InstanceLock::Acquire(paths);
      (void)!write(ready[1], lock.ok() ? "y" : "n", 1);
      for (;;) pause();
    }
    close(ready[1]);
    EXPECT_EQ(read(ready[0], &locked_, 1), 1);
    close(ready[0]);
  }
  ~Holder() { Kill(); }

  bool locked() const { return locked_ == 'y'; }
  pid_t pid() const { return pid_; }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  char locked_ = 'n';
  pid_t pid_;
};

// A process that has nothing to do with any of this. Signals stay pending, so
// that none is missed that has only just been sent.
class Bystander {
 public:
  Bystander() {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_ = fork();
    if (pid_ == 0) {
      for (;;) pause();
    }
    sigprocmask(SIG_SETMASK, &before, nullptr);
  }
  Bystander(const Bystander&) = delete;
  ~Bystander() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }
  bool WasSignalled() const {
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    const std::string text(std::istreambuf_iterator<char>(status), {});
    return !absl::StrContains(text, "ShdPnd:\t0000000000000000\n");
  }

 private:
  pid_t pid_;
};

TEST_F(InstanceLockTest, SecondInTheSameProcessIsRefused) {
  absl::StatusOr<InstanceLock> first = InstanceLock::Acquire(*paths_);
  ASSERT_EQ(first.status(), absl::OkStatus());
  const absl::Status second = InstanceLock::Acquire(*paths_).status();
  EXPECT_TRUE(absl::IsAlreadyExists(second)) << second;
  EXPECT_THAT(
      second.message(),
      AllOf(HasSubstr("`two`"), HasSubstr("pid " + std::to_string(getpid())),
            HasSubstr("since "), HasSubstr("instance_lock_test"),
            HasSubstr("--instance=NAME"), HasSubstr("envctl stop")));
}

TEST_F(InstanceLockTest, OtherInstancesAreFree) {
  absl::StatusOr<InstanceLock> first = InstanceLock::Acquire(*paths_);
  const absl::StatusOr<InstancePaths> other =
      InstancePaths::Create({.environment = "two",
                             .instance = "other",
                             .data_dir = host_.tmp + "/data"},
                            host_);
  ASSERT_EQ(other.status(), absl::OkStatus());
  EXPECT_EQ(InstanceLock::Acquire(*other).status(), absl::OkStatus());
}

TEST_F(InstanceLockTest, IsFreeAgainWhenReleased) {
  {
    absl::StatusOr<InstanceLock> first = InstanceLock::Acquire(*paths_);
  }
  EXPECT_FALSE(FindLockHolder(paths_->lock_file()).has_value());
  EXPECT_EQ(InstanceLock::Acquire(*paths_).status(), absl::OkStatus());
}

TEST_F(InstanceLockTest, MovesWithItsOwner) {
  absl::StatusOr<InstanceLock> first = InstanceLock::Acquire(*paths_);
  ASSERT_EQ(first.status(), absl::OkStatus());
  std::optional<InstanceLock> moved(*std::move(first));
  EXPECT_FALSE(InstanceLock::Acquire(*paths_).ok());
  moved.reset();
  EXPECT_EQ(InstanceLock::Acquire(*paths_).status(), absl::OkStatus());
}

TEST_F(InstanceLockTest, AnotherProcessIsNamed) {
  const Holder holder(*paths_);
  ASSERT_TRUE(holder.locked());
  const absl::Status refused = InstanceLock::Acquire(*paths_).status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused)) << refused;
  EXPECT_THAT(refused.message(),
              HasSubstr("pid " + std::to_string(holder.pid())));
}

// F61: what a killed process left in the file says nothing.
TEST_F(InstanceLockTest, KilledHolderHoldsNothing) {
  Holder holder(*paths_);
  ASSERT_TRUE(holder.locked());
  ASSERT_TRUE(FindLockHolder(paths_->lock_file()).has_value());
  holder.Kill();
  EXPECT_GT(std::filesystem::file_size(paths_->lock_file()), 0u);
  EXPECT_FALSE(FindLockHolder(paths_->lock_file()).has_value());
  EXPECT_EQ(InstanceLock::Acquire(*paths_).status(), absl::OkStatus());
}

// What a killed environment left names a process that is somebody else's now.
TEST_F(InstanceLockTest, F61APidThatIsSomebodyElsesIsNeverSignalled) {
  Holder holder(*paths_);
  ASSERT_TRUE(holder.locked());
  LockHolder stale = *FindLockHolder(paths_->lock_file());
  holder.Kill();
  const Bystander somebody;
  stale.pid = somebody.pid();
  std::ofstream(paths_->lock_file()) << stale.Serialize();
  EXPECT_THAT(ListInstances({.data_dir = host_.tmp + "/data"}, host_),
              testing::IsEmpty());
  EXPECT_EQ(InstanceLock::Acquire(*paths_).status(), absl::OkStatus());
  EXPECT_FALSE(somebody.WasSignalled());
}

// The machine went down while an environment ran. Its pid is somebody else's
// now, and who holds the lock now has not come round to writing so.
TEST_F(InstanceLockTest, F62WhatWasWrittenBeforeAReboot) {
  Holder holder(*paths_);
  ASSERT_TRUE(holder.locked());
  EXPECT_EQ(FindLockHolder(paths_->lock_file())->pid, holder.pid());
  const std::optional<LockHolder> after_reboot =
      FindLockHolder(paths_->lock_file(), "another boot");
  ASSERT_TRUE(after_reboot.has_value());
  EXPECT_EQ(after_reboot->pid, 0);
  EXPECT_EQ(after_reboot->control_socket, "");
  EXPECT_THAT(ListInstances({.data_dir = host_.tmp + "/data"}, host_),
              testing::SizeIs(1));
  holder.Kill();

  // Nobody holds it: neither what is written there nor the socket that was left
  // keeps anybody from starting, and nobody is signalled.
  const Bystander somebody;
  const LockHolder before = {.environment = "two",
                             .instance = "default",
                             .pid = somebody.pid(),
                             .boot_id = "before",
                             .control_socket = paths_->control_socket(),
                             .state_directory = paths_->state_directory()};
  std::ofstream(paths_->lock_file()) << before.Serialize();
  std::ofstream(paths_->control_socket()) << "left";
  EXPECT_THAT(ListInstances({.data_dir = host_.tmp + "/data"}, host_),
              testing::IsEmpty());
  {
    const absl::StatusOr<InstanceLock> lock = InstanceLock::Acquire(*paths_);
    EXPECT_EQ(lock.status(), absl::OkStatus());
    EXPECT_EQ(FindLockHolder(paths_->lock_file())->pid, getpid());
  }
  EXPECT_FALSE(somebody.WasSignalled());
}

TEST_F(InstanceLockTest, AskingNeverGetsInTheWayOfAStart) {
  bool stop = false;
  std::thread asking([&] {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
      (void)FindLockHolder(paths_->lock_file());
      (void)WaitUntilUnlocked(paths_->lock_file());
    }
  });
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(InstanceLock::Acquire(*paths_).status(), absl::OkStatus()) << i;
  }
  __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
  asking.join();
}

TEST_F(InstanceLockTest, WaitsForTheEndOfTheHolder) {
  Holder holder(*paths_);
  ASSERT_TRUE(holder.locked());
  absl::Status waited = absl::UnknownError("still waiting");
  std::thread waiting([&] { waited = WaitUntilUnlocked(paths_->lock_file()); });
  holder.Kill();
  waiting.join();
  EXPECT_EQ(waited, absl::OkStatus());
  EXPECT_EQ(WaitUntilUnlocked("/no/such/file"), absl::OkStatus());
}

TEST_F(InstanceLockTest, LinkInPlaceOfTheFileIsRefused) {
  ASSERT_EQ(symlink("/etc/passwd", paths_->lock_file().c_str()), 0);
  const absl::Status refused = InstanceLock::Acquire(*paths_).status();
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.message(), HasSubstr(paths_->lock_file()));
}

// F65: a limit on the size of files is what a full disk looks like to write().
TEST_F(InstanceLockTest, FullDiskIsOneClearSentence) {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit nothing = {.rlim_cur = 0, .rlim_max = 0};
    setrlimit(RLIMIT_FSIZE, &nothing);
    const absl::Status refused = InstanceLock::Acquire(*paths_).status();
    _exit(absl::StrContains(refused.message(), paths_->lock_file()) &&
                  absl::StrContains(refused.message(), "--data_dir=DIRECTORY")
              ? 0
              : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace espalier
