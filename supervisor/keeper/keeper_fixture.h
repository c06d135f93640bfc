// KeeperFixture: what the tests of the keeper with real processes have in
// common.
#ifndef ESPALIER_SUPERVISOR_KEEPER_KEEPER_FIXTURE_H_
#define ESPALIER_SUPERVISOR_KEEPER_KEEPER_FIXTURE_H_

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"
#include "supervisor/keeper/keeper_client.h"
#include "supervisor/keeper/protocol.h"

namespace espalier {

inline std::string ChildPath() {
  return std::filesystem::absolute("supervisor/keeper/testcases/child")
      .string();
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Blocks until the file is there, and reads the number in it. The child that
// writes it does so at once; what is awaited is the scheduler.
inline pid_t AwaitPid(const std::string& path) {
  while (access(path.c_str(), R_OK) != 0) sched_yield();
  return std::stoi(ReadFile(path));
}

// The rungs that work here: the last one always, the others where a cgroup can
// be made (not in a sandbox, nor as just any user).
inline std::vector<keeper::TreeRung> AvailableRungs() {
  std::vector<keeper::TreeRung> rungs;
  for (auto rung :
       {keeper::TreeRung::kCgroupKill, keeper::TreeRung::kCgroupFreeze,
        keeper::TreeRung::kMarker}) {
    if (KeeperClient::Launch({.rung = rung}).ok()) rungs.push_back(rung);
  }
  return rungs;
}

inline std::string RungTestName(
    const testing::TestParamInfo<keeper::TreeRung>& info) {
  switch (info.param) {
    case keeper::TreeRung::kCgroupKill:
      return "CgroupKill";
    case keeper::TreeRung::kCgroupFreeze:
      return "CgroupFreeze";
    case keeper::TreeRung::kMarker:
      return "Marker";
  }
  return "Unknown";
}

// A keeper of its own for each test, and a directory.
class KeeperFixture : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/keeper-XXXXXX";
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    Launch();
  }
  void TearDown() override {
    keeper_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Launch() {
    auto launched = KeeperClient::Launch(options_);
    ASSERT_TRUE(launched.ok()) << launched.status();
    keeper_ = *std::move(launched);
  }

  keeper::SpawnRequest Request(uint32_t id, std::vector<std::string> arguments,
                               uint64_t generation = 1) {
    keeper::SpawnRequest request;
    request.id = id;
    request.generation = generation;
    request.program = ChildPath();
    request.argv = {request.program};
    request.argv.insert(request.argv.end(), arguments.begin(), arguments.end());
    request.log_path = File("log");
    return request;
  }

  void Spawn(const keeper::SpawnRequest& request) {
    absl::Status status = keeper_->Spawn(request);
    ASSERT_TRUE(status.ok()) << status;
    keeper_->Flush();
  }

  std::string File(const std::string& name) const {
    return directory_ + "/" + name;
  }

  // Blocks until an event of this type comes for `id`; others are remembered. A
  // spawn that failed instead is a failure of the test.
  template <typename E>
  E Await(uint32_t id) {
    while (true) {
      for (auto it = events_.begin(); it != events_.end(); ++it) {
        const E* event = std::get_if<E>(&*it);
        if (event == nullptr || event->id != id) continue;
        const E found = *event;
        events_.erase(it);
        return found;
      }
      pollfd entry{.fd = keeper_->fd(), .events = POLLIN, .revents = 0};
      if (keeper_->wants_write()) entry.events |= POLLOUT;
      poll(&entry, 1, -1);
      keeper_->Flush();
      auto more = keeper_->ReadEvents();
      if (!more.ok()) {
        ADD_FAILURE() << more.status();
        return {};
      }
      for (auto& event : *more) {
        const auto* failed = std::get_if<keeper::SpawnFailedEvent>(&event);
        if (!std::is_same_v<E, keeper::SpawnFailedEvent> && failed != nullptr &&
            failed->id == id) {
          ADD_FAILURE() << keeper::SpawnStageName(failed->stage) << ": "
                        << strerror(failed->error);
          return {};
        }
        events_.push_back(std::move(event));
      }
    }
  }

  KeeperOptions options_;
  std::string directory_;
  std::unique_ptr<KeeperClient> keeper_;
  std::vector<keeper::Event> events_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_KEEPER_KEEPER_FIXTURE_H_
