#ifndef ESPALIER_SUPERVISOR_CONTROL_CONTROL_FIXTURE_H_
#define ESPALIER_SUPERVISOR_CONTROL_CONTROL_FIXTURE_H_

#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "supervisor/control/control_client.h"
#include "supervisor/control/control_server.h"
#include "supervisor/control/fake_controlled.h"
#include "supervisor/loop/loop.h"

namespace espalier {

// A control server over a FakeControlled of `links` and `gateway`, whose loop
// has a thread of its own, so that a test can block in a client.
class ControlFixture : public testing::Test {
 protected:
  ControlFixture() {
    thread_ = std::thread([this] { loop_.Run(); });
  }
  ~ControlFixture() override {
    StopServer();
    OnLoop([this] { loop_.Quit(); });
    thread_.join();
    std::filesystem::remove_all(directory_);
  }

  void StartServer(ControlServer::Options options = {}) {
    options.socket_path = SocketPath();
    OnLoop([&] {
      absl::StatusOr<std::unique_ptr<ControlServer>> server =
          ControlServer::Start(&loop_, &controlled_, std::move(options));
      ASSERT_EQ(server.status(), absl::OkStatus());
      server_ = *std::move(server);
    });
  }
  void StopServer() {
    OnLoop([this] { server_.reset(); });
  }

  // Runs `task` on the loop's thread and waits for it.
  void OnLoop(const std::function<void()>& task) {
    absl::Notification done;
    loop_.Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
  }

  // Waits until `condition`, which is asked on the loop's thread, holds.
  void AwaitOnLoop(const std::function<bool()>& condition) {
    bool holds = false;
    while (!holds) OnLoop([&] { holds = condition(); });
  }

  std::unique_ptr<ControlClient> Connect() {
    absl::StatusOr<std::unique_ptr<ControlClient>> client =
        ControlClient::Connect(SocketPath());
    EXPECT_EQ(client.status(), absl::OkStatus());
    return client.ok() ? *std::move(client) : nullptr;
  }

  std::string SocketPath() const { return directory_ + "/socket"; }
  std::string LogPath(const std::string& name) const {
    return directory_ + "/" + name + ".log";
  }

  static std::string MakeDirectory() {
    std::string directory = "/tmp/control_XXXXXX";
    EXPECT_NE(mkdtemp(directory.data()), nullptr);
    return directory;
  }

  const std::string directory_ = MakeDirectory();
  Loop loop_;
  std::thread thread_;
  // On the loop's thread:
  FakeControlled controlled_{{
      {.name = "links",
       .state = "READY",
       .generation = 2,
       .pid = 4711,
       .since = absl::FromUnixSeconds(1700000000),
       .restarts = 1,
       .endpoints = {{.name = "http", .url = "http://127.0.0.1:4000"}},
       .log_file = LogPath("links")},
      {.name = "gateway",
       .state = "WAITING",
       .why = "waits for links\nwhich said \xff",
       .needs = {"links"},
       .needs_at_start = {"seed"}},
  }};
  std::unique_ptr<ControlServer> server_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CONTROL_FIXTURE_H_
