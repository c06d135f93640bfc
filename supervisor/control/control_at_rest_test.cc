#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>

#include "gtest/gtest.h"
#include "supervisor/control/control_fixture.h"

namespace espalier {
namespace {

// A program of its own: gRPC's threads outlive the first client or server, and
// here there must have been none.
class ControlAtRestTest : public ControlFixture {
 protected:
  static int Threads() {
    namespace fs = std::filesystem;
    return static_cast<int>(std::distance(
        fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
  }
  int ConnectRaw() {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, SocketPath().c_str(),
            sizeof address.sun_path - 1);
    EXPECT_EQ(
        connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
};

TEST_F(ControlAtRestTest, NoThreadOfGrpcBeforeTheFirstClient) {
  const int before = Threads();
  StartServer();
  const int silent = ConnectRaw();
  const int noise = ConnectRaw();
  ASSERT_EQ(send(noise, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
  AwaitOnLoop([&] { return server_->refused().not_grpc == 1; });
  EXPECT_EQ(Threads(), before);
  OnLoop([&] { EXPECT_FALSE(server_->awake()); });

  const int client = ConnectRaw();
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  ASSERT_EQ(send(client, preface.data(), preface.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(preface.size()));
  AwaitOnLoop([&] { return server_->awake(); });
  EXPECT_GT(Threads(), before);
  for (const int fd : {silent, noise, client}) close(fd);
}

}  // namespace
}  // namespace espalier
