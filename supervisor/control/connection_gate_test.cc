#include "supervisor/control/connection_gate.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::HasSubstr;

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

int Connect(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const int result =
      connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  if (result == 0) return fd;
  close(fd);
  return -1;
}

class ConnectionGateTest : public testing::Test {
 protected:
  ConnectionGateTest() {
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    Open(geteuid());
  }
  ~ConnectionGateTest() override {
    gate_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Open(uid_t allowed) {
    gate_.reset();
    absl::StatusOr<std::unique_ptr<ConnectionGate>> gate =
        ConnectionGate::Open(&loop_,
                             {.socket_path = Path(),
                              .max_open = 3,
                              .max_silent = 4,
                              .allowed_uid = allowed},
                             [this](UniqueFd fd, std::string read) {
                               EXPECT_EQ(read, kPreface);
                               admitted_.push_back(std::move(fd));
                             });
    ASSERT_EQ(gate.status(), absl::OkStatus());
    gate_ = *std::move(gate);
  }
  std::string Path() const { return directory_ + "/socket"; }

  // A client that has said `text`; the loop has seen it.
  UniqueFd Client(const std::string& text) {
    UniqueFd fd(Connect(Path()));
    EXPECT_TRUE(fd.valid());
    if (!text.empty()) {
      EXPECT_EQ(send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(text.size()));
    }
    Settle();
    return fd;
  }
  void Settle() {
    for (int i = 0; i < 3; ++i) {
      bool done = false;
      Loop::Watch later =
          loop_.After(absl::ZeroDuration(), [&] { done = true; });
      loop_.RunUntil([&] { return done; });
    }
  }
  static bool IsClosed(const UniqueFd& fd) {
    char byte;
    return recv(fd.get(), &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
  }

  std::string directory_ = "/tmp/gate_XXXXXX";
  Loop loop_;
  std::vector<UniqueFd> admitted_;
  std::unique_ptr<ConnectionGate> gate_;
};

TEST_F(ConnectionGateTest, SocketIsOurs) {
  struct stat found;
  ASSERT_EQ(lstat(Path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0600u);
  gate_.reset();
  EXPECT_NE(lstat(Path().c_str(), &found), 0) << "removed at the end";
}

TEST_F(ConnectionGateTest, PassesOnWhoSpeaksHttp2) {
  const UniqueFd client = Client(kPreface + "more");
  ASSERT_EQ(admitted_.size(), 1u);
  char buffer[16];
  EXPECT_EQ(recv(admitted_[0].get(), buffer, sizeof buffer, 0), 4)
      << "what follows is left to the new owner";
}

TEST_F(ConnectionGateTest, PrefaceMayComeInPieces) {
  const UniqueFd client = Client("");
  for (const char c : kPreface) {
    EXPECT_TRUE(admitted_.empty());
    ASSERT_EQ(send(client.get(), &c, 1, MSG_NOSIGNAL), 1);
    Settle();
  }
  EXPECT_EQ(admitted_.size(), 1u);
}

// F83.
TEST_F(ConnectionGateTest, RandomBytesAreTurnedAway) {
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    std::string noise = kPreface.substr(0, random() % kPreface.size());
    noise += static_cast<char>(0x80 | random());
    for (unsigned n = random() % 100; n > 0; --n) {
      noise += static_cast<char>(random());
    }
    const UniqueFd client = Client(noise);
    EXPECT_TRUE(IsClosed(client)) << i;
  }
  EXPECT_EQ(gate_->refused().not_http2, 200);
  EXPECT_TRUE(admitted_.empty());
  const UniqueFd client = Client(kPreface);
  EXPECT_EQ(admitted_.size(), 1u) << "it goes on serving";
}

// F83.
TEST_F(ConnectionGateTest, ThousandSilentConnectionsLockNobodyOut) {
  std::vector<UniqueFd> silent;
  for (int i = 0; i < 1000; ++i) {
    silent.emplace_back(Connect(Path()));
    ASSERT_TRUE(silent.back().valid());
    if (i % 50 == 0) Settle();
  }
  Settle();
  EXPECT_EQ(gate_->refused().too_many, 996);
  EXPECT_TRUE(IsClosed(silent.front()));
  EXPECT_FALSE(IsClosed(silent.back()));
  const UniqueFd client = Client(kPreface);
  EXPECT_EQ(admitted_.size(), 1u);
}

TEST_F(ConnectionGateTest, OldestOpenConnectionGivesWay) {
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(Client(kPreface));
  EXPECT_EQ(admitted_.size(), 4u);
  EXPECT_TRUE(IsClosed(clients[0]));
  EXPECT_FALSE(IsClosed(clients[1]));
  EXPECT_FALSE(IsClosed(clients[3]));
  EXPECT_EQ(gate_->refused().too_many, 1);
}

TEST_F(ConnectionGateTest, ConnectionsThatHaveEndedDoNotCount) {
  const UniqueFd first = Client(kPreface);
  for (int i = 0; i < 10; ++i) {
    const UniqueFd client = Client(kPreface);
    // By its client, or by the new owner.
    shutdown(i % 2 == 0 ? client.get() : admitted_.back().get(), SHUT_RDWR);
    Settle();
  }
  EXPECT_EQ(gate_->refused().too_many, 0);
  EXPECT_FALSE(IsClosed(first));
}

TEST_F(ConnectionGateTest, OtherUsersAreTurnedAway) {
  // The directory and the mode keep them out already; so as to see the check
  // behind that, these are opened.
  if (geteuid() != 0) {
    Open(geteuid() + 1);
    const UniqueFd client = Client(kPreface);
    EXPECT_TRUE(IsClosed(client));
  } else {
    ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
    ASSERT_EQ(chmod(Path().c_str(), 0666), 0);
    const pid_t child = fork();
    if (child == 0) {
      if (setuid(65534) != 0) _exit(2);
      const int fd = Connect(Path());
      char byte;
      // Blocks until the gate closes it.
      _exit(fd >= 0 && recv(fd, &byte, 1, 0) <= 0 ? 0 : 1);
    }
    loop_.RunUntil([&] { return gate_->refused().other_user == 1; });
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(gate_->refused().other_user, 1);
  EXPECT_TRUE(admitted_.empty());
}

TEST_F(ConnectionGateTest, ErrorsNameThePath) {
  const absl::Status refused =
      ConnectionGate::Open(&loop_, {.socket_path = "/no/such/socket"}, {})
          .status();
  EXPECT_THAT(refused.message(), HasSubstr("/no/such/socket"));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ConnectionGate::Open(&loop_, {.socket_path = std::string(108, 'x')}, {})
          .status()));
}

}  // namespace
}  // namespace espalier
