// Many clients steer one service at once, over the control API.
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "supervisor/control/control_client.h"
#include "supervisor/control/control_server.h"
#include "supervisor/environment/controlled_runtime.h"
#include "supervisor/nursery/suite/group_world.h"

namespace espalier {
namespace {

using enum ServiceState;

constexpr int kClients = 50;
constexpr int kRequestsEach = 10;

enum class Request { kStart, kStop, kRestart };

// What has happened to the service and what was asked, in the loop's order: one
// history, in which every call must find its place.
class History {
 public:
  void Accepted(Request request) {
    absl::MutexLock lock(&mutex_);
    entries_.push_back({.is_request = true, .request = request});
  }
  void Moved(ServiceState state) {
    absl::MutexLock lock(&mutex_);
    entries_.push_back({.state = state});
  }
  size_t size() const {
    absl::MutexLock lock(&mutex_);
    return entries_.size();
  }
  size_t accepted() const {
    absl::MutexLock lock(&mutex_);
    size_t accepted = 0;
    for (const Entry& entry : entries_) accepted += entry.is_request;
    return accepted;
  }
  Request last() const {
    absl::MutexLock lock(&mutex_);
    size_t i = entries_.size() - 1;
    while (!entries_[i].is_request) --i;
    return entries_[i].request;
  }

  // Whether what a call says can be true: between its begin and its end its
  // request was accepted, and after that the service was what it was to be or,
  // if the call was cancelled, something else was asked for.
  bool Explains(Request request, const absl::Status& status, size_t begin,
                size_t end) const {
    absl::MutexLock lock(&mutex_);
    ServiceState state = kReady;  // as the history begins
    bool accepted = false;
    for (size_t i = 0; i < end; ++i) {
      const Entry& entry = entries_[i];
      if (!entry.is_request) state = entry.state;
      if (i < begin) continue;
      const bool opposite =
          (entry.request == Request::kStop) != (request == Request::kStop);
      if (accepted && absl::IsCancelled(status) && entry.is_request &&
          opposite) {
        return true;
      }
      accepted |= entry.is_request && entry.request == request;
      const bool as_wanted =
          state == (request == Request::kStop ? kInactive : kReady);
      if (accepted && status.ok() && as_wanted) return true;
    }
    return false;
  }

 private:
  struct Entry {
    bool is_request = false;
    Request request = Request::kStart;
    ServiceState state = kInactive;
  };

  mutable absl::Mutex mutex_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

// Writes down what is accepted.
class RecordingControlled final : public Controlled {
 public:
  RecordingControlled(Controlled& controlled, History& history)
      : controlled_(controlled), history_(history) {}

  std::vector<ServiceSnapshot> List() override { return controlled_.List(); }
  absl::StatusOr<std::vector<Explanation>> Explain(
      const std::string& name) override {
    return controlled_.Explain(name);
  }
  std::optional<HandleData> Published() override {
    return controlled_.Published();
  }
  int64_t revision() override { return controlled_.revision(); }
  void Subscribe(std::function<void(const ServiceChange&)> on_change) override {
    controlled_.Subscribe(std::move(on_change));
  }
  EventLog& events() override { return controlled_.events(); }
  void Restart(const std::string& name, Done done) override {
    history_.Accepted(Request::kRestart);
    controlled_.Restart(name, std::move(done));
  }
  void Stop(const std::string& name, StopOptions options, Done done) override {
    history_.Accepted(Request::kStop);
    controlled_.Stop(name, options, std::move(done));
  }
  void Start(const std::string& name, Done done) override {
    history_.Accepted(Request::kStart);
    controlled_.Start(name, std::move(done));
  }
  void Reload(const std::string& name, Done done) override {
    controlled_.Reload(name, std::move(done));
  }
  void Freeze(const std::string& name, bool frozen, Done done) override {
    controlled_.Freeze(name, frozen, std::move(done));
  }
  std::vector<std::string> Notes() override { return controlled_.Notes(); }
  void StopEnvironment() override { controlled_.StopEnvironment(); }

 private:
  Controlled& controlled_;
  History& history_;
};

class ClientsTest : public testing::TestWithParam<WorldKind> {
 protected:
  ClientsTest()
      : controlled_(world_.runtime(), events_, [] {}),
        recording_(controlled_, history_) {
    world_.Run([this](Nursery& nursery) -> Task<void> {
      co_await world_.StartActor(nursery, "one");
    });
    EXPECT_TRUE(world_.ready());
    world_.on_change = [this](const Changed& change) {
      history_.Moved(change.to);
      controlled_.On(change);
    };
    absl::StatusOr<std::unique_ptr<ControlServer>> server =
        ControlServer::Start(&world_.loop(), &recording_,
                             {.socket_path = socket_path(), .run_id = "run"});
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  ~ClientsTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string socket_path() const { return directory_ + "/socket"; }

  // Bazel's own directory is too deep for a socket.
  static std::string ShortDirectory() {
    std::string directory = "/tmp/clients_XXXXXX";
    EXPECT_NE(mkdtemp(directory.data()), nullptr);
    return directory;
  }

  static absl::Status Ask(ControlClient& client, Request request) {
    switch (request) {
      case Request::kStart:
        return client.Start("one");
      case Request::kStop:
        return client.Stop("one");
      case Request::kRestart:
        return client.Restart("one");
    }
    return absl::OkStatus();
  }

  void RunClient(unsigned seed) {
    auto client = ControlClient::Connect(socket_path());
    ASSERT_TRUE(client.ok()) << client.status();
    std::mt19937 dice(seed);
    for (int i = 0; i < kRequestsEach; ++i) {
      const Request request{static_cast<int>(dice() % 3)};
      const size_t begin = history_.size();
      const absl::Status status = Ask(**client, request);
      const size_t end = history_.size();
      EXPECT_TRUE(history_.Explains(request, status, begin, end))
          << static_cast<int>(request) << " says " << status;
    }
  }

  const std::string directory_ = ShortDirectory();
  GroupWorld world_{GetParam()};
  History history_;
  EventLog events_{EventLog::Options()};
  ControlledRuntime controlled_;
  RecordingControlled recording_;
  std::unique_ptr<ControlServer> server_;
};

TEST_P(ClientsTest, F35TheLastRequestOf50ClientsWins) {
  std::atomic<int> left = kClients;
  std::vector<std::thread> clients;
  for (unsigned i = 0; i < kClients; ++i) {
    clients.emplace_back([this, &left, i] {
      RunClient(i);
      --left;
      world_.loop().Post([] {});  // so that the test looks
    });
  }
  EXPECT_TRUE(world_.Await([&] { return left == 0; })) << *world_.ended();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(history_.accepted(), kClients * kRequestsEach);
  const bool stopped = history_.last() == Request::kStop;
  EXPECT_TRUE(world_.AwaitState("one", stopped ? kInactive : kReady));
  // And it stays so: nothing was put off.
  EXPECT_FALSE(world_.runtime().engine().IsStopPending(world_.Id("one")));
  server_.reset();
}

TEST_P(ClientsTest, AStopThatIsOvertakenIsAnswered) {
  std::optional<absl::Status> stopped, started;
  controlled_.Stop("one", {}, [&](absl::Status status) { stopped = status; });
  controlled_.Start("one", [&](absl::Status status) { started = status; });
  EXPECT_TRUE(world_.Await([&] { return stopped && started; }));
  EXPECT_TRUE(absl::IsCancelled(*stopped)) << *stopped;
  EXPECT_EQ(*started, absl::OkStatus());
  EXPECT_EQ(world_.State("one"), kReady);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, ClientsTest,
                         testing::Values(WorldKind::kSimulated,
                                         WorldKind::kProcesses),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace espalier
