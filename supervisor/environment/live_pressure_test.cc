// An environment as RunEnvironment runs it, on a machine that is said to be
// short of something.

#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/control/control_client.h"
#include "supervisor/environment/live_environment.h"
#include "supervisor/instance/instance_paths.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {
namespace {

constexpr int kServices = 6;

Task<void> StartServer(Nursery& nursery, int number) {
  Service service = nursery.NewService(absl::StrCat("server-", number));
  const TcpAddress address = service.Reserve<TcpAddress>();
  Command command{.program = Program::Built("tests/environments/misbehave"),
                  .arguments = {"answer", address.port()},
                  .readiness = Readiness::Answers(address, "?\n", "ok"),
                  .liveness = Liveness{.interval = absl::Milliseconds(10),
                                       .timeout = absl::Milliseconds(200),
                                       .failures = 2}};
  // One that is frozen takes no notice of SIGTERM.
  command.stop.grace = absl::Milliseconds(20);
  co_await service.Start(std::move(command));
}

// The environment runs in a thread; the test is its client.
class PressureTest : public testing::Test {
 protected:
  PressureTest() {
    flags_.instance = "default";
    flags_.data_dir = directory_.path();
    flags_.user = "nobody";
    PressureGuard::Options pressure{
        .slow_start = absl::ZeroDuration(),
        .source = [this](Loop& loop, std::function<void(double)> changed)
            -> std::shared_ptr<void> {
          loop_ = &loop;
          changed_ = std::move(changed);
          watched_.Notify();
          return std::make_shared<int>();
        }};
    environment_ = std::thread([this, pressure = std::move(pressure)] {
      status_ = RunLive(
          "pressed", "",
          [](Nursery& nursery) -> Task<void> {
            for (int i = 0; i < kServices; ++i)
              co_await StartServer(nursery, i);
          },
          flags_, pressure);
      // It never came to that.
      if (!watched_.HasBeenNotified()) watched_.Notify();
    });
    watched_.WaitForNotification();
    absl::StatusOr<InstancePaths> paths =
        InstancePaths::Create({.environment = "pressed",
                               .instance = flags_.instance,
                               .data_dir = flags_.data_dir});
    EXPECT_TRUE(paths.ok()) << paths.status();
    auto client = ControlClient::Connect(paths->control_socket());
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
  }

  ~PressureTest() override {
    EXPECT_TRUE(client_->StopEnvironment().ok());
    environment_.join();
    EXPECT_TRUE(status_.ok()) << status_;
  }

  // Says how short the machine is, from 0 to 1.
  void SayStalled(double share) {
    loop_->Post([this, share] { changed_(share); });
  }

  std::vector<ServiceSnapshot> Services() {
    absl::StatusOr<ControlClient::ServiceList> list = client_->List();
    EXPECT_TRUE(list.ok()) << list.status();
    return list->services;
  }

  // Watches until `condition` holds for all services, by name.
  using States = std::map<std::string, ServiceSnapshot>;
  void Await(const std::function<bool(const States&)>& condition) {
    States states;
    const absl::Status watched =
        client_->Watch({}, [&](const ControlClient::WatchEvent& event) {
          for (const ServiceSnapshot& service : event.services)
            states[service.name] = service;
          if (!event.is_snapshot)
            states[event.change.service.name] = event.change.service;
          return !condition(states);
        });
    EXPECT_TRUE(watched.ok()) << watched;
  }
  void AwaitAllReady() {
    Await([](const States& states) {
      return states.size() == kServices && ReadyOf(states) == kServices;
    });
  }
  static int ReadyOf(const States& states) {
    int ready = 0;
    for (const auto& [name, service] : states)
      ready += service.state == "READY";
    return ready;
  }
  void SignalAll(int signal) {
    for (const ServiceSnapshot& service : Services()) {
      if (service.pid > 0) kill(service.pid, signal);
    }
  }
  int64_t Restarts() {
    int64_t restarts = 0;
    for (const ServiceSnapshot& service : Services())
      restarts += service.restarts;
    return restarts;
  }

  const TestDirectory directory_;
  EnvironmentFlags flags_;
  Loop* loop_ = nullptr;
  std::function<void(double)> changed_;
  absl::Notification watched_;
  std::thread environment_;
  absl::Status status_;
  std::unique_ptr<ControlClient> client_;
};

TEST_F(PressureTest, AStarvedMachineDoesNotRestartEverything) {
  AwaitAllReady();
  SayStalled(0.95);
  // None of them answers any more.
  SignalAll(SIGSTOP);
  // One is restarted, and the others are given time.
  int spared = 0;
  while (spared < kServices - 1) {
    spared = 0;
    ASSERT_LE(Restarts(), 1);
    for (const ServiceSnapshot& service : Services()) {
      spared += absl::StrContains(service.why,
                                  "given time because the machine is short");
    }
  }
  Await([](const States& states) { return ReadyOf(states) == kServices; });
  EXPECT_EQ(Restarts(), 1);
  // The machine is well again, and so are they: nothing else is restarted.
  SignalAll(SIGCONT);
  SayStalled(0);
  while (spared > 0) {
    spared = 0;
    for (const ServiceSnapshot& service : Services()) {
      EXPECT_EQ(service.state, "READY");
      spared += absl::StrContains(service.why, "given time");
    }
  }
  EXPECT_EQ(Restarts(), 1);
}

TEST_F(PressureTest, OnAMachineThatIsNotEachIsRestarted) {
  AwaitAllReady();
  SignalAll(SIGSTOP);
  Await([](const States& states) {
    int again = 0;
    for (const auto& [name, service] : states)
      again += service.state == "READY" && service.restarts == 1;
    return again == kServices;
  });
}

}  // namespace
}  // namespace espalier
