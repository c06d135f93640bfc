#include "supervisor/control/fake_environment.h"

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "glog/logging.h"
#include "supervisor/control/control_server.h"
#include "supervisor/control/fake_controlled.h"
#include "supervisor/instance/instance_lock.h"

namespace espalier {

FakeEnvironment::FakeEnvironment(const HostFacts& host, const std::string& name,
                                 std::optional<HandleData> handle)
    : handle_(std::move(handle)) {
  absl::StatusOr<InstancePaths> paths =
      InstancePaths::Create({.environment = name}, host);
  CHECK(paths.ok()) << paths.status();
  paths_ = *std::move(paths);
  absl::Notification running;
  thread_ = std::thread([&] { Run(running); });
  running.WaitForNotification();
}

FakeEnvironment::~FakeEnvironment() {
  loop_.Post([this] { loop_.Quit(); });
  thread_.join();
}

void FakeEnvironment::Run(absl::Notification& running) {
  const absl::StatusOr<InstanceLock> lock = InstanceLock::Acquire(*paths_);
  CHECK(lock.ok()) << lock.status();
  FakeControlled controlled(
      {{.name = "links",
        .state = "READY",
        .pid = 4711,
        .log_file = log(),
        .handle = handle_},
       {.name = "gateway", .state = "READY", .needs = {"links"}}});
  controlled.answer_at_once();
  controlled.KeepEvents({.path = paths_->journal_file()});
  journal::v1::Event ready;
  ready.mutable_transition()->set_service("links");
  ready.mutable_transition()->set_to("READY");
  controlled.events().Add(ready, absl::Now(), Loop::Now());
  controlled.events().Flush();
  if (handle_.has_value()) controlled.Publish(*handle_);
  controlled.on_stop([this] { loop_.Quit(); });
  absl::StatusOr<std::unique_ptr<ControlServer>> server = ControlServer::Start(
      &loop_, &controlled, {.socket_path = paths_->control_socket()});
  CHECK(server.ok()) << server.status();
  running.Notify();
  loop_.Run();
  server->reset();
  paths_->RemoveRuntimeDirectory();
}

}  // namespace espalier
