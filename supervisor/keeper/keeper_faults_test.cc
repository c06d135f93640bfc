// Errors injected where the keeper calls the system, by a filter of system
// calls that it inherits from a process made for each test.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_fixture.h"
#include "supervisor/keeper/program/poller.h"
#include "supervisor/keeper/protocol.h"

namespace espalier {
namespace {

using keeper::DrainedEvent;
using keeper::ExitedEvent;
using keeper::NoteEvent;
using keeper::SpawnedEvent;
using keeper::SpawnFailedEvent;
using keeper::SpawnStage;
using keeper::TreeRung;

// A system call that fails if all bits of `bits` are set in its argument.
struct Denial {
  int call;
  int argument = 0;
  uint32_t bits = 0;
  int error = ENOSYS;
};

void Append(std::vector<sock_filter>& program, const Denial& denial) {
  const auto argument = static_cast<uint32_t>(
      offsetof(seccomp_data, args) +
      static_cast<size_t>(denial.argument) * sizeof(uint64_t));
  const sock_filter checks[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(denial.call), 0,
               4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, denial.bits),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denial.bits, 0, 1),
      BPF_STMT(BPF_RET | BPF_K,
               SECCOMP_RET_ERRNO | static_cast<uint32_t>(denial.error)),
  };
  program.insert(program.end(), std::begin(checks), std::end(checks));
}

// For this process and all that it starts; false if the kernel has no filters.
bool Deny(const std::vector<Denial>& denials) {
  std::vector<sock_filter> program;
  for (const Denial& denial : denials) Append(program, denial);
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog filter = {.len = static_cast<unsigned short>(program.size()),
                       .filter = program.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

class KeeperFaultsTest : public KeeperFixture {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/faults-XXXXXX";
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
  }

  // Runs `body` in a process of its own. Its failures are this test's.
  void InAProcess(const std::function<void()>& body) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      body();
      keeper_.reset();
      _exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }

  // Runs `body` in a process of its own in which `denials` are in force. Its
  // failures are this test's.
  void With(const std::vector<Denial>& denials,
            const std::function<void()>& body) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      if (!Deny(denials)) _exit(77);
      Launch();
      if (!HasFailure()) body();
      keeper_.reset();
      _exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
      GTEST_SKIP() << "no filters of system calls here";
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }

  // Its threads have tables of their own.
  size_t KeepersDescriptors() const {
    size_t count = 0;
    for (const auto& thread : std::filesystem::directory_iterator(
             absl::StrCat("/proc/", keeper_->keeper_pid(), "/task"))) {
      const auto files =
          std::filesystem::directory_iterator(thread.path() / "fd");
      count += static_cast<size_t>(std::distance(begin(files), end(files)));
    }
    return count;
  }

  // Of all its threads, dead or alive.
  std::string KeepersChildren() const {
    std::string children;
    for (const auto& thread : std::filesystem::directory_iterator(
             absl::StrCat("/proc/", keeper_->keeper_pid(), "/task"))) {
      children += ReadFile(thread.path().string() + "/children");
    }
    return children;
  }
};

struct SpawnFault {
  std::string name;
  Denial denial;
  SpawnStage stage;
};

class F03SpawnFaultTest : public KeeperFaultsTest,
                          public testing::WithParamInterface<SpawnFault> {};

// Told with its errno, so that the engine tries again; and however often that
// is, nothing is left of it.
TEST_P(F03SpawnFaultTest, LeavesNothing) {
  const SpawnFault& fault = GetParam();
  With({fault.denial, {.call = SYS_clone3, .error = ENOSYS}}, [&] {
    size_t descriptors = 0;
    for (uint64_t generation = 1; generation <= 20; ++generation) {
      keeper::SpawnRequest request = Request(1, {"sleep"}, generation);
      request.readiness_variable = "READY_FD";
      request.nice = 19;
      Spawn(request);
      const auto failed = Await<SpawnFailedEvent>(1);
      EXPECT_EQ(failed.generation, generation);
      EXPECT_EQ(failed.stage, fault.stage);
      EXPECT_EQ(failed.error, fault.denial.error);
      if (generation == 5) descriptors = KeepersDescriptors();
    }
    EXPECT_EQ(KeepersDescriptors(), descriptors);
    EXPECT_EQ(KeepersChildren(), "");
  });
}

INSTANTIATE_TEST_SUITE_P(
    Calls, F03SpawnFaultTest,
    testing::Values(
        SpawnFault{
            "Pipe", {.call = SYS_pipe2, .error = EMFILE}, SpawnStage::kPipe},
        SpawnFault{"PipesOfTheSystem",
                   {.call = SYS_pipe2, .error = ENFILE},
                   SpawnStage::kPipe},
        SpawnFault{"Clone",
                   {.call = SYS_clone, .bits = CLONE_PIDFD, .error = EAGAIN},
                   SpawnStage::kClone},
        SpawnFault{"CloneWithoutMemory",
                   {.call = SYS_clone, .bits = CLONE_PIDFD, .error = ENOMEM},
                   SpawnStage::kClone},
        SpawnFault{"Log",
                   {.call = SYS_openat,
                    .argument = 2,
                    .bits = O_APPEND | O_CREAT,
                    .error = ENOSPC},
                   SpawnStage::kOpenLog},
        SpawnFault{"LogWithoutDescriptor",
                   {.call = SYS_openat,
                    .argument = 2,
                    .bits = O_APPEND | O_CREAT,
                    .error = ENFILE},
                   SpawnStage::kOpenLog},
        SpawnFault{"Nice",
                   {.call = SYS_setpriority, .error = EPERM},
                   SpawnStage::kNice},
        SpawnFault{"Program",
                   {.call = SYS_openat,
                    .argument = 2,
                    .bits = O_PATH,
                    .error = EMFILE},
                   SpawnStage::kOpenProgram}),
    [](const auto& info) { return info.param.name; });

// It works all the same, and says once what is not as it might be.
TEST_F(KeeperFaultsTest, F08WithoutClone3ServicesRunAndItIsSaidOnce) {
  With({{.call = SYS_clone3, .error = ENOSYS}}, [&] {
    for (uint32_t id = 1; id <= 3; ++id) {
      Spawn(Request(id, {"exit", absl::StrCat(id)}));
      EXPECT_EQ(Await<ExitedEvent>(id).status, static_cast<int>(id));
      Await<DrainedEvent>(id);
    }
    int notes = 0;
    for (const keeper::Event& event : events_) {
      const auto* note = std::get_if<NoteEvent>(&event);
      if (note == nullptr) continue;
      ++notes;
      EXPECT_THAT(note->text, testing::HasSubstr("clone3 is denied"));
    }
    // Without cgroups it is not needed.
    EXPECT_EQ(notes, keeper_->hello().rung == TreeRung::kMarker ? 0 : 1);
  });
}

// A descriptor that is ready without a cause blocks nobody: the keeper goes on
// answering while none of its children can be reaped.
TEST_F(KeeperFaultsTest, F13NothingBlocksOnAPidfd) {
  Launch();
  Spawn(Request(1, {"sleep"}));
  const pid_t pid = Await<SpawnedEvent>(1).pid;
  // Stopped and continued: a change of state that is no end.
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  Spawn(Request(2, {"exit", "3"}));
  EXPECT_EQ(Await<ExitedEvent>(2).status, 3);
  for (const keeper::Event& event : events_) {
    const auto* exited = std::get_if<ExitedEvent>(&event);
    EXPECT_TRUE(exited == nullptr || exited->id != 1);
  }
  keeper_->Kill(1, 1);
  keeper_->Flush();
  EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
}

// Answers the system calls epoll_wait of the keeper: lets them happen, but for
// one, which it makes report what has not happened.
class EpollForger {
 public:
  // For this process and all that it starts from now on; their calls wait for a
  // thread of this one. It lives as long as the process.
  static EpollForger* Start() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
#ifdef SYS_epoll_wait
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_wait, 1, 0),
#endif
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter = {.len = std::size(program), .filter = program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return nullptr;
    const long calls = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                               SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
    if (calls < 0) return nullptr;
    return new EpollForger(static_cast<int>(calls));
  }

  // The next call reports that this descriptor is readable.
  void Forge(keeper::Source source, uint64_t key) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.u64 = static_cast<uint64_t>(source) << 56 | key;
    const std::lock_guard<std::mutex> lock(mutex_);
    forged_ = event;
  }
  // Whether it has.
  bool done() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return !forged_.has_value();
  }

 private:
  explicit EpollForger(int calls) : calls_(calls) {
    std::thread([this] {
      while (true) AnswerOne();
    }).detach();
  }

  void AnswerOne() {
    seccomp_notif call = {};
    if (ioctl(calls_, SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
    seccomp_notif_resp answer = {};
    answer.id = call.id;
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (forged_.has_value()) {
      iovec from = {.iov_base = &*forged_, .iov_len = sizeof *forged_};
      iovec to = {.iov_base = reinterpret_cast<void*>(call.data.args[1]),
                  .iov_len = sizeof *forged_};
      if (process_vm_writev(static_cast<pid_t>(call.pid), &from, 1, &to, 1,
                            0) == sizeof *forged_) {
        answer.flags = 0;
        answer.val = 1;
        forged_.reset();
      }
    }
    ioctl(calls_, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }

  const int calls_;
  std::mutex mutex_;
  std::optional<epoll_event> forged_;
};

// The kernel says that a pidfd is readable, and waitid says nothing: no end is
// made of it, and nobody waits for one.
TEST_F(KeeperFaultsTest, F13SpuriousReadinessIsNoEnd) {
  InAProcess([&] {
    EpollForger* const forger = EpollForger::Start();
    ASSERT_NE(forger, nullptr) << strerror(errno);
    Launch();
    Spawn(Request(1, {"sleep"}));
    Await<SpawnedEvent>(1);
    for (uint64_t generation = 1; generation <= 3; ++generation) {
      forger->Forge(keeper::Source::kMainProcess, uint64_t{1} << 24 | 1);
      Spawn(Request(2, {"exit", "3"}, generation));
      EXPECT_EQ(Await<ExitedEvent>(2).status, 3);
      Await<DrainedEvent>(2);
      EXPECT_TRUE(forger->done());
    }
    for (const keeper::Event& event : events_) {
      EXPECT_FALSE(std::holds_alternative<ExitedEvent>(event));
    }
    keeper_->Kill(1, 1);
    keeper_->Flush();
    EXPECT_EQ(Await<ExitedEvent>(1).status, SIGKILL);
  });
}

// The limits of the environment's process are the service's, even though the
// keeper needs more descriptors for itself.
TEST_F(KeeperFaultsTest, ServicesKeepTheLimitOfDescriptors) {
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  if (before.rlim_max < 400) GTEST_SKIP() << "the hard limit is too low";
  rlimit low = before;
  low.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  Launch();
  // More than fit into the soft limit.
  for (uint32_t id = 1; id <= 150; ++id) Spawn(Request(id, {"sleep"}));
  for (uint32_t id = 1; id <= 150; ++id) Await<SpawnedEvent>(id);
  keeper::SpawnRequest printer = Request(151, {"attributes"});
  printer.log_path = File("printed");
  Spawn(printer);
  EXPECT_EQ(Await<ExitedEvent>(151).status, 0);
  EXPECT_THAT(
      ReadFile(File("printed")),
      testing::HasSubstr(absl::StrCat(" files 100/", before.rlim_max, " ")));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace espalier
