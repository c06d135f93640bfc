// What services say by sd_notify(3), and who else tries to.
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_fixture.h"
#include "supervisor/keeper/protocol.h"

namespace espalier {
namespace {

using keeper::DrainedEvent;
using keeper::ExitedEvent;
using keeper::MainProcessEvent;
using keeper::NotifyRule;
using keeper::ReadyEvent;
using keeper::RefusedEvent;
using keeper::SpawnedEvent;
using keeper::SpawnFailedEvent;
using keeper::StatusEvent;
using keeper::WatchdogLostEvent;
using testing::AnyOf;
using testing::HasSubstr;

class KeeperNotifyTest : public KeeperFixture {
 protected:
  keeper::SpawnRequest Notifier(uint32_t id, std::vector<std::string> messages,
                                NotifyRule rule = {}) {
    messages.insert(messages.begin(), "notify");
    keeper::SpawnRequest request = Request(id, std::move(messages));
    request.notify = rule;
    return request;
  }

  // From this process, which belongs to no service.
  void Send(const std::string& message) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    const std::string name = "espalier-" + keeper_->hello().token;
    name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                             1 + name.size());
    EXPECT_EQ(sendto(fd, message.data(), message.size(), 0,
                     reinterpret_cast<const sockaddr*>(&address), size),
              static_cast<ssize_t>(message.size()))
        << strerror(errno);
    close(fd);
  }

  // Those of notifications have no id.
  RefusedEvent AwaitRefusal() {
    while (true) {
      for (auto it = events_.begin(); it != events_.end(); ++it) {
        if (const auto* refused = std::get_if<RefusedEvent>(&*it)) {
          const RefusedEvent found = *refused;
          events_.erase(it);
          return found;
        }
      }
      pollfd entry{.fd = keeper_->fd(), .events = POLLIN, .revents = 0};
      poll(&entry, 1, -1);
      auto more = keeper_->ReadEvents();
      if (!more.ok()) {
        ADD_FAILURE() << more.status();
        return {};
      }
      events_.insert(events_.end(), more->begin(), more->end());
    }
  }

  bool SaidReady(uint32_t id) const {
    for (const keeper::Event& event : events_) {
      const auto* ready = std::get_if<ReadyEvent>(&event);
      if (ready != nullptr && ready->id == id) return true;
    }
    return false;
  }
};

TEST_F(KeeperNotifyTest, ReadyAndStatusAreToldOnce) {
  Spawn(Notifier(1, {"STATUS=warming up", "STATUS=warm\nREADY=1", "READY=1",
                     "STATUS=serving"}));
  EXPECT_EQ(Await<StatusEvent>(1).text, "warming up");
  EXPECT_EQ(Await<StatusEvent>(1).text, "warm");
  Await<ReadyEvent>(1);
  EXPECT_EQ(Await<StatusEvent>(1).text, "serving");
  EXPECT_FALSE(SaidReady(1));
}

TEST_F(KeeperNotifyTest, AChildOfTheServiceMaySpeakForIt) {
  Spawn(Notifier(1, {"fork", "READY=1"}));
  Await<ReadyEvent>(1);
}

TEST_F(KeeperNotifyTest, SoMayItsOrphan) {
  Spawn(Notifier(1, {"orphan", "READY=1"}));
  Await<ReadyEvent>(1);
}

TEST_F(KeeperNotifyTest, F41AProcessOfNoServiceIsRefusedAndCounted) {
  Spawn(Notifier(1, {"STATUS=here"}));
  Await<StatusEvent>(1);
  Send("READY=1");
  RefusedEvent refused = AwaitRefusal();
  EXPECT_EQ(refused.count, 1u);
  EXPECT_THAT(refused.reason, HasSubstr("a process of no service"));
  Send("READY=1");
  EXPECT_EQ(AwaitRefusal().count, 2u);
  // A flood of them does not become a flood of events.
  Send("READY=1");
  Send("READY=1");
  EXPECT_EQ(AwaitRefusal().count, 4u);
  EXPECT_FALSE(SaidReady(1));
}

// One that was not told of the socket may not speak through it, and its like
// cannot make another one ready.
TEST_F(KeeperNotifyTest, F41AnotherServiceCannotSpeakForIt) {
  Spawn(Notifier(1, {"STATUS=here"}));
  Await<StatusEvent>(1);
  keeper::SpawnRequest other = Request(2, {"notify", "READY=1"});
  other.environment = {"NOTIFY_SOCKET=@espalier-" + keeper_->hello().token};
  Spawn(other);
  EXPECT_THAT(AwaitRefusal().reason, HasSubstr("a process of no service"));
  Spawn(Notifier(3, {"READY=1"}));
  Await<ReadyEvent>(3);
  EXPECT_FALSE(SaidReady(1));
  EXPECT_FALSE(SaidReady(2));
}

TEST_F(KeeperNotifyTest, F41AnotherUserIsRefused) {
  keeper::SpawnRequest request = Notifier(1, {"READY=1"});
  request.credentials =
      keeper::Credentials{.uid = 65534, .gid = 65534, .groups = {}};
  Spawn(request);
  if (geteuid() != 0 || setreuid(-1, 65534) != 0 || setreuid(-1, 0) != 0) {
    // Who cannot be somebody else has no service of another user either.
    EXPECT_THAT(Await<SpawnFailedEvent>(1).error, AnyOf(EPERM, EINVAL));
    return;
  }
  Await<ReadyEvent>(1);
  // The same uid in another process is nobody's service.
  ASSERT_EQ(setreuid(-1, 65534), 0);
  Send("STATUS=forged");
  ASSERT_EQ(setreuid(-1, 0), 0);
  EXPECT_THAT(AwaitRefusal().reason, HasSubstr("a process of no service"));
}

TEST_F(KeeperNotifyTest, F42WhatMakesNoSenseIsRefusedAndCounted) {
  Spawn(Notifier(1, {"READY", "READY=1\nX=" + std::string(5000, 'x'),
                     "MAINPID=1\nREADY=1", "STATUS=end"}));
  EXPECT_EQ(AwaitRefusal().reason, "a malformed notification");
  EXPECT_EQ(AwaitRefusal().count, 2u);
  Await<StatusEvent>(1);
  EXPECT_FALSE(SaidReady(1));
  Send(std::string("READY=1\0\xff", 9));
  const RefusedEvent fourth = AwaitRefusal();
  EXPECT_EQ(fourth.count, 4u);
}

TEST_F(KeeperNotifyTest, AnHeirBecomesTheMainProcess) {
  Spawn(Notifier(1, {"heir", "READY=1"}));
  const pid_t first = Await<SpawnedEvent>(1).pid;
  EXPECT_NE(Await<MainProcessEvent>(1).pid, first);
  Await<ReadyEvent>(1);
  keeper_->Signal(1, 1, SIGUSR1);
  keeper_->Flush();
  const ExitedEvent exited = Await<ExitedEvent>(1);
  EXPECT_EQ(exited.code, CLD_KILLED);
  EXPECT_EQ(exited.status, SIGUSR1);
  Await<DrainedEvent>(1);
}

TEST_F(KeeperNotifyTest, NobodyInheritsFromAFailure) {
  Spawn(Notifier(1, {"heir and fail", "READY=1"}));
  EXPECT_EQ(Await<ExitedEvent>(1).status, 3);
  Await<DrainedEvent>(1);
}

TEST_F(KeeperNotifyTest, F41NobodyElseCanBeMadeTheMainProcess) {
  Spawn(Request(2, {"sleep"}));
  const pid_t other = Await<SpawnedEvent>(2).pid;
  Spawn(Notifier(
      1, {absl::StrCat("MAINPID=", other, "\nREADY=1"),
          absl::StrCat("MAINPID=", getpid(), "\nREADY=1"), "STATUS=end"}));
  EXPECT_EQ(AwaitRefusal().reason,
            "MAINPID of a process that is not the service's");
  EXPECT_EQ(AwaitRefusal().count, 2u);
  Await<StatusEvent>(1);
  EXPECT_FALSE(SaidReady(1));
}

TEST_F(KeeperNotifyTest, TheServiceFindsItsWatchdogAndLosesItInTime) {
  keeper::SpawnRequest request =
      Notifier(1, {"READY=1"}, {.watchdog_ns = 5'000'000});
  Spawn(request);
  Await<ReadyEvent>(1);
  Await<WatchdogLostEvent>(1);
  keeper::SpawnRequest printer = Request(2, {"environment"});
  printer.notify = NotifyRule{.watchdog_ns = 5'000'000};
  printer.log_path = File("printed");
  Spawn(printer);
  Await<ExitedEvent>(2);
  EXPECT_THAT(ReadFile(File("printed")), HasSubstr("WATCHDOG_USEC=5000\n"));
}

TEST_F(KeeperNotifyTest, AServiceMayLetGoOfItsWatchdogItself) {
  Spawn(Notifier(1, {"READY=1", "WATCHDOG=trigger"},
                 {.watchdog_ns = 3600'000'000'000}));
  Await<ReadyEvent>(1);
  Await<WatchdogLostEvent>(1);
}

// A service that says that it stops is not hurried by its watchdog.
TEST_F(KeeperNotifyTest, NoWatchdogAfterStopping) {
  Spawn(Notifier(1, {"READY=1", "STOPPING=1", "WATCHDOG=trigger", "STATUS=end"},
                 {.watchdog_ns = 3600'000'000'000}));
  Await<ReadyEvent>(1);
  Await<StatusEvent>(1);
  for (const keeper::Event& event : events_) {
    EXPECT_FALSE(std::holds_alternative<WatchdogLostEvent>(event));
  }
}

}  // namespace
}  // namespace espalier
