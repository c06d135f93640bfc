#include "supervisor/ports/listening_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "supervisor/ports/socket_address.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

// A short directory, since a socket's path has 107 bytes at most.
class ListeningSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/listening_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { rmdir(directory_.c_str()); }

  std::string Path() const { return directory_ + "/s"; }

  std::string directory_;
};

bool Connects(const SocketAddress& address) {
  UniqueFd client(socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  return connect(client.get(), address.get(), address.size()) == 0;
}

bool ConnectsTo(const std::string& path) {
  return Connects(*SocketAddress::Unix(path));
}

bool ConnectsTo(uint16_t port) {
  return Connects(*SocketAddress::Tcp("127.0.0.1", port));
}

TEST_F(ListeningSocketTest, TcpQueuesConnectionsBeforeAnybodyAccepts) {
  absl::StatusOr<ListeningSocket> listener = ListeningSocket::ListenTcp();
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_NE(listener->port(), 0);
  EXPECT_EQ(listener->path(), "");
  EXPECT_TRUE(ConnectsTo(listener->port()));
  EXPECT_TRUE(fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC);
  EXPECT_FALSE(fcntl(listener->fd(), F_GETFL) & O_NONBLOCK);
}

TEST_F(ListeningSocketTest, TcpPortIsFreeAgainAtOnce) {
  uint16_t port;
  {
    absl::StatusOr<ListeningSocket> first = ListeningSocket::ListenTcp();
    ASSERT_TRUE(first.ok()) << first.status();
    port = first->port();
    ASSERT_TRUE(ConnectsTo(port));
    absl::StatusOr<ListeningSocket> second =
        ListeningSocket::ListenTcp({.port = port});
    EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists)
        << second.status();
    EXPECT_NE(second.status().message().find(std::to_string(port)),
              absl::string_view::npos);
  }
  EXPECT_TRUE(ListeningSocket::ListenTcp({.port = port}).ok());
}

TEST_F(ListeningSocketTest, TcpTakesAnyNumericAddressAndNoName) {
  EXPECT_TRUE(ListeningSocket::ListenTcp({.address = "0.0.0.0"}).ok());
  EXPECT_EQ(
      ListeningSocket::ListenTcp({.address = "localhost"}).status().code(),
      absl::StatusCode::kInvalidArgument);
}

TEST_F(ListeningSocketTest, UnixSocketIsPrivateAndRemoved) {
  {
    absl::StatusOr<ListeningSocket> listener =
        ListeningSocket::ListenUnix(Path());
    ASSERT_TRUE(listener.ok()) << listener.status();
    EXPECT_EQ(listener->path(), Path());
    EXPECT_EQ(listener->port(), 0);
    EXPECT_TRUE(ConnectsTo(Path()));
    struct stat info;
    ASSERT_EQ(stat(Path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    ListeningSocket moved = *std::move(listener);
    EXPECT_TRUE(ConnectsTo(Path()));
  }
  EXPECT_NE(access(Path().c_str(), F_OK), 0);
}

TEST_F(ListeningSocketTest, UnixSocketOfADeadProcessIsReplaced) {
  {
    UniqueFd dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress name = *SocketAddress::Unix(Path());
    ASSERT_EQ(bind(dead.get(), name.get(), name.size()), 0);
  }
  absl::StatusOr<ListeningSocket> listener =
      ListeningSocket::ListenUnix(Path());
  EXPECT_TRUE(listener.ok()) << listener.status();
}

TEST_F(ListeningSocketTest, WhatIsInUseIsNotReplaced) {
  absl::StatusOr<ListeningSocket> first = ListeningSocket::ListenUnix(Path());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(ListeningSocket::ListenUnix(Path()).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(ConnectsTo(Path()));

  const std::string file = directory_ + "/file";
  fclose(fopen(file.c_str(), "w"));
  EXPECT_EQ(ListeningSocket::ListenUnix(file).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(unlink(file.c_str()), 0) << "the file must still be there";
}

TEST_F(ListeningSocketTest, LeavesTheFileOfASuccessorAlone) {
  absl::StatusOr<ListeningSocket> first = ListeningSocket::ListenUnix(Path());
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(unlink(Path().c_str()), 0);
  absl::StatusOr<ListeningSocket> second = ListeningSocket::ListenUnix(Path());
  ASSERT_TRUE(second.ok()) << second.status();
  {
    ListeningSocket dropped = *std::move(first);
  }
  EXPECT_TRUE(ConnectsTo(Path()));
}

TEST_F(ListeningSocketTest, RefusesAPathThatDoesNotFit) {
  const std::string longest =
      directory_ + "/" + std::string(kMaxUnixPath - directory_.size() - 1, 'x');
  EXPECT_TRUE(ListeningSocket::ListenUnix(longest).ok());
  const absl::Status status =
      ListeningSocket::ListenUnix(longest + "x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("107 bytes, and this one has 108"),
            absl::string_view::npos)
      << status;
  EXPECT_FALSE(ListeningSocket::ListenUnix("").ok());
}

}  // namespace
}  // namespace espalier
