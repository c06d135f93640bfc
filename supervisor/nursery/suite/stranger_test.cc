// Somebody else listens on the port of a service that says itself that it is
// ready, or is taken for ready as soon as it runs.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/suite/group_world.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

using testing::HasSubstr;

constexpr char kActor[] = "supervisor/nursery/suite/actor";
constexpr char kComplaint[] = "does not belong to the service, but to process";

// Listens there, like a server.
UniqueFd ListenAt(const TcpAddress& address) {
  const std::string text = Resolve(address);
  const int port = std::atoi(text.substr(text.rfind(':') + 1).c_str());
  UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at = {};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<uint16_t>(port));
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  EXPECT_EQ(listen(fd.get(), 1), 0);
  return fd;
}

class StrangerTest : public testing::Test {
 protected:
  // A service that never listens itself, and this process does in its place.
  void RunOne(const Readiness& readiness,
              absl::Duration start_timeout = absl::Minutes(1)) {
    world_.Run([=, this](Nursery& nursery) -> Task<void> {
      Service one = nursery.NewService("one");
      stranger_ = ListenAt(one.Reserve<TcpAddress>());
      co_await one.Start({.program = Program::Built(kActor),
                          .readiness = readiness,
                          .start_timeout = start_timeout});
    });
  }

  // Gives the port up as soon as somebody complains of that.
  void LeaveOnComplaint() {
    if (world_.runtime().Find("one") != nullptr) {
      complaint_ = world_.Explain("one");
    }
    if (absl::StrContains(complaint_, kComplaint)) {
      stranger_ = UniqueFd();
    } else {
      look_ = world_.loop().After(absl::Milliseconds(1),
                                  [this] { LeaveOnComplaint(); });
    }
  }

  void ExpectReadyOnlyWithoutAStranger(const Readiness& readiness) {
    LeaveOnComplaint();
    RunOne(readiness);
    EXPECT_TRUE(world_.ready()) << *world_.ended();
    EXPECT_FALSE(stranger_.valid()) << complaint_;
  }

  GroupWorld world_{WorldKind::kProcesses};
  UniqueFd stranger_;
  std::string complaint_;
  Loop::Watch look_;
};

TEST_F(StrangerTest, F44ANewlineCountsOnceNobodyElseListens) {
  ExpectReadyOnlyWithoutAStranger(Readiness::Newline());
}

TEST_F(StrangerTest, F44AProgramThatRunsCountsOnceNobodyElseListens) {
  ExpectReadyOnlyWithoutAStranger(Readiness::Started());
}

TEST_F(StrangerTest, F44AProbeCommandCountsOnceNobodyElseListens) {
  ExpectReadyOnlyWithoutAStranger(
      Readiness::Probe({.program = Program::System("true", "coreutils")}));
}

TEST_F(StrangerTest, F44TheStartTimesOutAndNamesTheStranger) {
  RunOne(Readiness::Newline(), absl::Milliseconds(300));
  EXPECT_FALSE(world_.ready());
  ASSERT_TRUE(world_.ended().has_value());
  EXPECT_THAT(std::string(world_.ended()->message()), HasSubstr(kComplaint));
}

}  // namespace
}  // namespace espalier
