#include "supervisor/ports/listener_owner.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/ports/listening_socket.h"
#include "supervisor/ports/port_reservation.h"

namespace espalier {
namespace {

using ::testing::HasSubstr;

// A process that holds a listener which this one does not have; it may be that
// of a child of its own.
class Server {
 public:
  struct Options {
    bool in_grandchild = false;
    // Hide from other processes of the same user.
    bool undumpable = false;
  };

  // As it is to be when this returns.
  Server(ListeningSocket socket, Options options) : port_(socket.port()) {
    int ready[2];
    EXPECT_EQ(pipe(ready), 0);
    pid_ = fork();
    if (pid_ != 0) {
      close(ready[1]);
      char none;
      // Ends when all of them have closed their end.
      EXPECT_EQ(read(ready[0], &none, 1), 0);
      close(ready[0]);
      return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "intruder");
    if (options.undumpable) prctl(PR_SET_DUMPABLE, 0);
    if (options.in_grandchild && fork() != 0) {
      {
        ListeningSocket dropped = std::move(socket);
      }
      close(ready[1]);
      while (true) pause();
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ready[1]);
    while (true) pause();
  }
  ~Server() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  uint16_t port() const { return port_; }
  pid_t pid() const { return pid_; }

 private:
  uint16_t port_;
  pid_t pid_;
};

ListeningSocket Listen(uint16_t port = 0, std::string address = "127.0.0.1") {
  absl::StatusOr<ListeningSocket> socket =
      ListeningSocket::ListenTcp({.address = std::move(address), .port = port});
  EXPECT_TRUE(socket.ok()) << socket.status();
  return *std::move(socket);
}

TEST(ListenerOwnerTest, AcceptsOnesOwn) {
  ListeningSocket socket = Listen();
  EXPECT_EQ(CheckListenerOwnedBy(socket.port(), getpid()), absl::OkStatus());
}

TEST(ListenerOwnerTest, AcceptsADescendants) {
  Server server(Listen(), {.in_grandchild = true});
  EXPECT_EQ(CheckListenerOwnedBy(server.port(), getpid()), absl::OkStatus());
}

TEST(ListenerOwnerTest, NobodyIsNotTheService) {
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  const absl::Status status =
      CheckListenerOwnedBy(reservation->port(), getpid());
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat("port ", reservation->port())));
}

// F44: the error names the process that took the port.
TEST(ListenerOwnerTest, F44NamesTheStranger) {
  Server stranger(Listen(), {});
  Server service(Listen(), {});
  const absl::Status status =
      CheckListenerOwnedBy(stranger.port(), service.pid());
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat("process ", stranger.pid(),
                                     " (intruder) of user ", getuid())));
}

// F44: the stranger listens on the very address, the service on all of them:
// connections would go to the stranger.
TEST(ListenerOwnerTest, F44OneStrangerAmongTheListenersIsEnough) {
  absl::StatusOr<PortReservation> reservation = PortReservation::Reserve();
  ASSERT_TRUE(reservation.ok()) << reservation.status();
  ListeningSocket service = Listen();
  const uint16_t port = service.port();
  EXPECT_EQ(CheckListenerOwnedBy(port, getpid()), absl::OkStatus());
  Server stranger(std::move(service), {});
  const pid_t processes[] = {stranger.pid()};
  EXPECT_EQ(CheckListenerOwnedBy(port, processes), absl::OkStatus());
  EXPECT_EQ(CheckListenerOwnedBy(port, absl::Span<const pid_t>()).code(),
            absl::StatusCode::kPermissionDenied);
}

// F44, where the stranger hides.
TEST(ListenerOwnerTest, F44SaysSoIfTheStrangerCannotBeSeen) {
  Server stranger(Listen(), {.undumpable = true});
  Server service(Listen(), {});
  const absl::Status status =
      CheckListenerOwnedBy(stranger.port(), service.pid());
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
}

}  // namespace
}  // namespace espalier
