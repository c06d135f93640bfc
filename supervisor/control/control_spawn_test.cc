// Processes are made while gRPC's threads are busy. A process that forks while
// it has threads may hang in its child; the keeper has none of gRPC's.

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/control/control_fixture.h"
#include "supervisor/keeper/keeper_client.h"
#include "supervisor/keeper/protocol.h"

namespace espalier {
namespace {

constexpr int kSpawns = 10'000;
constexpr uint32_t kAtOnce = 64;
constexpr int kClients = 2;
// Takes some 10 s; a hang takes for ever.
constexpr absl::Duration kPatience = absl::Minutes(3);

// Has the keeper start processes, each when another has ended, from the loop's
// thread.
class Spawner {
 public:
  Spawner(Loop& loop, std::unique_ptr<KeeperClient> keeper)
      : loop_(loop), keeper_(std::move(keeper)) {
    readable_ = loop_.OnReadable(keeper_->fd(), [this] { Read(); });
    for (uint32_t id = 1; id <= kAtOnce; ++id) SpawnNext(id);
    Flush();
  }

  // All of them have come and gone, or something went wrong.
  absl::Notification& done() { return done_; }
  int exits() const { return exits_; }

 private:
  void SpawnNext(uint32_t id) {
    if (spawned_ == kSpawns) return;
    keeper::SpawnRequest request;
    request.id = id;
    request.generation = static_cast<uint64_t>(++spawned_);
    request.program =
        std::filesystem::absolute("supervisor/keeper/testcases/nothing");
    request.argv = {request.program};
    EXPECT_EQ(keeper_->Spawn(request), absl::OkStatus());
  }

  void Read() {
    const absl::StatusOr<std::vector<keeper::Event>> events =
        keeper_->ReadEvents();
    EXPECT_EQ(events.status(), absl::OkStatus());
    if (!events.ok()) return End();
    for (const keeper::Event& event : *events) {
      if (std::holds_alternative<keeper::SpawnFailedEvent>(event)) {
        ADD_FAILURE() << "a spawn failed";
        return End();
      }
      if (const auto* exited = std::get_if<keeper::ExitedEvent>(&event)) {
        EXPECT_EQ(exited->status, 0);
        ++exits_;
      }
      if (const auto* drained = std::get_if<keeper::DrainedEvent>(&event)) {
        if (++drained_ == kSpawns) return End();
        SpawnNext(drained->id);
      }
    }
    Flush();
  }

  void Flush() {
    keeper_->Flush();
    writable_ = keeper_->wants_write()
                    ? loop_.OnWritable(keeper_->fd(), [this] { Flush(); })
                    : Loop::Watch();
  }

  void End() {
    readable_ = Loop::Watch();
    writable_ = Loop::Watch();
    if (!done_.HasBeenNotified()) done_.Notify();
  }

  Loop& loop_;
  const std::unique_ptr<KeeperClient> keeper_;
  Loop::Watch readable_;
  Loop::Watch writable_;
  int spawned_ = 0;
  int exits_ = 0;
  int drained_ = 0;
  absl::Notification done_;
};

class ControlSpawnTest : public ControlFixture {};

TEST_F(ControlSpawnTest, F06TenThousandSpawnsBesideABusyServer) {
  OnLoop([this] { controlled_.answer_at_once(); });
  StartServer();
  std::atomic<bool> stop = false;
  std::vector<std::atomic<int>> calls(kClients);
  std::vector<std::thread> clients;
  for (std::atomic<int>& count : calls) {
    clients.emplace_back([this, &stop, &count] {
      const auto client = Connect();
      while (client != nullptr && !stop) {
        EXPECT_TRUE(client->List().ok());
        EXPECT_TRUE(client->Restart("links").ok());
        EXPECT_TRUE(client->Watch({}, [](const auto&) { return false; }).ok());
        ++count;
      }
    });
  }
  absl::StatusOr<std::unique_ptr<KeeperClient>> keeper = KeeperClient::Launch();
  ASSERT_EQ(keeper.status(), absl::OkStatus());
  std::unique_ptr<Spawner> spawner;
  OnLoop(
      [&] { spawner = std::make_unique<Spawner>(loop_, *std::move(keeper)); });
  const bool ended = spawner->done().WaitForNotificationWithTimeout(kPatience);
  stop = true;
  if (!ended) {
    // Nothing can be taken apart that hangs.
    fputs("the spawns have not ended\n", stderr);
    abort();
  }
  for (std::thread& client : clients) client.join();
  OnLoop([&] {
    EXPECT_EQ(spawner->exits(), kSpawns);
    spawner.reset();
  });
  // They were served all the time.
  for (const std::atomic<int>& count : calls) EXPECT_GT(count, 100);
}

}  // namespace
}  // namespace espalier
