#include "supervisor/ports/process_sockets.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/ports/listening_socket.h"

namespace espalier {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

// A child that does `prepare` and then waits to be killed.
class Child {
 public:
  template <typename Prepare>
  explicit Child(Prepare prepare) {
    int done[2];
    EXPECT_EQ(pipe(done), 0);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      prepare();
      close(done[0]);
      close(done[1]);
      while (true) pause();
    }
    close(done[1]);
    char byte;
    EXPECT_EQ(read(done[0], &byte, 1), 0);  // The end of file: it is prepared.
    close(done[0]);
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

uint64_t InodeOf(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

TEST(ProcessSocketsTest, ListsTheSocketsOfThisProcess) {
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::ListenTcp();
  ASSERT_TRUE(socket.ok()) << socket.status();
  auto sockets = SocketsOf(getpid());
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_TRUE(sockets->contains(InodeOf(socket->fd())));
}

TEST(ProcessSocketsTest, AProcessThatIsGoneIsNotFound) {
  pid_t gone;
  {
    Child child([] {});
    gone = child.pid();
  }
  EXPECT_EQ(SocketsOf(gone).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ProcessName(gone), "?");
}

TEST(ProcessSocketsTest, FindsDescendants) {
  int grandchild_pid[2];
  ASSERT_EQ(pipe(grandchild_pid), 0);
  Child child([&] {
    const pid_t pid = fork();
    if (pid != 0) (void)!write(grandchild_pid[1], &pid, sizeof pid);
    if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  });
  pid_t grandchild;
  ASSERT_EQ(read(grandchild_pid[0], &grandchild, sizeof grandchild),
            static_cast<ssize_t>(sizeof grandchild));
  EXPECT_THAT(ProcessTree(child.pid()), ElementsAre(child.pid(), grandchild));
  EXPECT_THAT(ProcessTree(grandchild), ElementsAre(grandchild));
  EXPECT_THAT(AllProcesses(), Contains(grandchild));
  EXPECT_THAT(ProcessTree(child.pid()), Not(Contains(getpid())));
  close(grandchild_pid[0]);
  close(grandchild_pid[1]);
}

TEST(ProcessSocketsTest, ReplacesWhatCannotBePrintedInNames) {
  Child child([] { prctl(PR_SET_NAME, "a) \033[2Jb"); });
  EXPECT_EQ(ProcessName(child.pid()), "a) ?[2Jb");
}

// Takes CAP_SYS_PTRACE from this thread, as containers do.
class WithoutPtrace {
 public:
  WithoutPtrace() {
    syscall(SYS_capget, &header_, before_);
    __user_cap_data_struct less[2] = {before_[0], before_[1]};
    less[0].effective &= ~(1u << CAP_SYS_PTRACE);
    EXPECT_EQ(syscall(SYS_capset, &header_, less), 0);
  }
  ~WithoutPtrace() { syscall(SYS_capset, &header_, before_); }

 private:
  __user_cap_header_struct header_ = {.version = _LINUX_CAPABILITY_VERSION_3,
                                      .pid = 0};
  __user_cap_data_struct before_[2] = {};
};

TEST(ProcessSocketsTest, RootSeesAnotherUsersProcessInAContainerToo) {
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::ListenTcp();
  ASSERT_TRUE(socket.ok()) << socket.status();
  if (geteuid() != 0) return;  // There is no other user's process to look at.
  Child child([] {
    setresgid(65534, 65534, 65534);
    setresuid(65534, 65534, 65534);
    // As after exec, which a service has behind it.
    prctl(PR_SET_DUMPABLE, 1);
  });
  struct stat owner;
  ASSERT_EQ(stat(("/proc/" + std::to_string(child.pid())).c_str(), &owner), 0);
  if (owner.st_uid == 0) return;  // A user namespace that has no other user.
  prctl(PR_SET_PDEATHSIG, SIGUSR1);
  const WithoutPtrace without_ptrace;
  auto sockets = SocketsOf(child.pid());
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_TRUE(sockets->contains(InodeOf(socket->fd())));

  EXPECT_EQ(prctl(PR_GET_DUMPABLE), 1) << "what it took must be put back";
  int death_signal = 0;
  prctl(PR_GET_PDEATHSIG, &death_signal);
  EXPECT_EQ(death_signal, SIGUSR1);
  prctl(PR_SET_PDEATHSIG, 0);
  EXPECT_EQ(setfsuid(-1), 0) << "nor may it stay another user";
  EXPECT_EQ(setfsgid(-1), static_cast<int>(getegid()));
}

}  // namespace
}  // namespace espalier
