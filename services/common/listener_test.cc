#include "services/common/listener.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

using ::testing::HasSubstr;

class InheritTest : public testing::Test {
 protected:
  InheritTest() { Pass(getpid(), "1"); }
  ~InheritTest() override {
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
  }

  void Pass(int pid, const std::string& count) {
    setenv("LISTEN_PID", absl::StrCat(pid).c_str(), 1);
    setenv("LISTEN_FDS", count.c_str(), 1);
  }
};

TEST(Listener, BindsToAPortOfTheKernelsChoice) {
  const absl::StatusOr<Listener> listener = Listener::Bind("127.0.0.1:0");
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_GT(listener->port(), 0);
  EXPECT_EQ(listener->address(), absl::StrCat("127.0.0.1:", listener->port()));
  EXPECT_NE(fcntl(listener->fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Listener, SaysThatAnAddressIsTaken) {
  const absl::StatusOr<Listener> first = Listener::Bind("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = Listener::Bind(first->address()).status();
  EXPECT_TRUE(absl::IsUnavailable(second)) << second;
  EXPECT_THAT(std::string(second.message()), HasSubstr("in use"));
}

TEST(Listener, RefusesWhatIsNoAddress) {
  for (const char* address :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "localhost:80",
        "::1:80", "[::1:80", ":80", "127.0.0.1:http"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Listener::Bind(address).status()))
        << address;
  }
}

TEST(Listener, ClosesItsDescriptorOnce) {
  absl::StatusOr<Listener> first = Listener::Bind("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  const int fd = first->fd();
  {
    const Listener second = *std::move(first);
    EXPECT_EQ(second.fd(), fd);
    EXPECT_EQ(first->fd(), -1);
  }
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

TEST_F(InheritTest, TakesTheSocketThatWasPassed) {
  absl::StatusOr<Listener> passed = Listener::Bind("127.0.0.1:0");
  ASSERT_TRUE(passed.ok()) << passed.status();
  ASSERT_EQ(dup2(passed->fd(), 3), 3);
  if (passed->fd() == 3) passed->Release();
  const absl::StatusOr<Listener> inherited = Listener::Inherit();
  ASSERT_TRUE(inherited.ok()) << inherited.status();
  EXPECT_EQ(inherited->fd(), 3);
  EXPECT_GT(inherited->port(), 0);
  EXPECT_EQ(getenv("LISTEN_PID"), nullptr);
  EXPECT_EQ(getenv("LISTEN_FDS"), nullptr);
}

TEST_F(InheritTest, LeavesASocketForAnotherProcessAlone) {
  Pass(getpid() + 1, "1");
  EXPECT_TRUE(absl::IsNotFound(Listener::Inherit().status()));
}

TEST_F(InheritTest, RefusesSeveralSockets) {
  Pass(getpid(), "2");
  EXPECT_TRUE(absl::IsInvalidArgument(Listener::Inherit().status()));
}

TEST_F(InheritTest, RefusesWhatDoesNotListen) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(dup2(fd, 3), 3);
  if (fd != 3) close(fd);
  EXPECT_TRUE(absl::IsInvalidArgument(Listener::Inherit().status()));
}

TEST(InheritOrBind, SaysWhatToPassWhenThereIsNeither) {
  const absl::Status status = InheritOrBind("").status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("--address="));
}

}  // namespace
}  // namespace espalier
