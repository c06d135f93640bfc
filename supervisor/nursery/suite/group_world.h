#ifndef ESPALIER_SUPERVISOR_NURSERY_SUITE_GROUP_WORLD_H_
#define ESPALIER_SUPERVISOR_NURSERY_SUITE_GROUP_WORLD_H_

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/environment_run.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/nursery/runtime.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {

enum class WorldKind { kSimulated, kProcesses };
std::ostream& operator<<(std::ostream& out, WorldKind kind);

// So many runs within a minute are too many; pauses are short.
RestartRule QuickRestarts(int max_runs = 3);

struct ActorOptions {
  std::vector<HttpUrl> needs = {};
  std::vector<HttpUrl> start_needs = {};
  RestartRule restart = QuickRestarts();
  StopRule stop = {};
  bool one_shot = false;
  std::string argument = {};  // does nothing
};

// An environment of actors (see actor.c), with real processes or with simulated
// ones, which a test steers. One environment in the life of a world. The test's
// thread runs the loop.
class GroupWorld {
 public:
  explicit GroupWorld(WorldKind kind, RuntimeOptions options = {});
  // Stops the environment, and checks that nothing is left.
  ~GroupWorld();

  // What the service does from its next run on: "exit 1", "ready_exit 1",
  // "hang", or "" to be ready and run.
  void Direct(const std::string& path, const std::string& script) const;

  // Starts one that does as it was directed.
  Task<HttpUrl> StartActor(Nursery& nursery, std::string name,
                           ActorOptions options = {}) const;

  // Runs an environment until everything is ready or it has ended.
  void Run(EnvironmentRun::Body body);
  bool ready() const { return run_ != nullptr && run_->ready(); }
  // Kills the main processes, before anybody hears of any of it.
  void Kill(const std::vector<std::string>& paths);
  void LoseKeeper();

  // Runs on until `condition` holds; false if the environment ends before.
  bool Await(const std::function<bool()>& condition);
  bool AwaitState(const std::string& path, ServiceState state);
  // Until the run of that number is ready.
  bool AwaitRun(const std::string& path, Generation generation);
  // Runs on until the environment has ended, and gives why.
  absl::Status AwaitEnd();
  absl::Status Stop();

  Runtime& runtime() { return *runtime_; }
  EnvironmentRun& run() { return *run_; }
  Loop& loop() { return loop_; }
  ServiceId Id(const std::string& path) const;
  // The engine's answer to what it is doing now.
  std::string Explain(const std::string& path) const;
  // Of one that runs as a process.
  std::string LogFile(const std::string& path) const;
  ServiceState State(const std::string& path) const;
  Generation Runs(const std::string& path) const;
  const std::optional<absl::Status>& ended() const { return ended_; }

  // "a READY", "a STOPPING", …: all moves since this was cleared.
  std::vector<std::string> moves;
  // The same for the moves to some states only.
  std::vector<std::string> MovesTo(const std::vector<ServiceState>& to) const;
  // Called after each of them.
  std::function<void(const std::string&)> on_move;
  std::function<void(const Changed&)> on_change;
  std::function<void(const GroupRun::Move&)> on_group_move;

 private:
  std::string FileOf(const std::string& path) const;

  TestDirectory directory_;
  Loop loop_;
  std::function<void(ServiceId)> kill_;
  std::function<void()> lose_keeper_;
  std::function<size_t()> left_;
  std::function<void()> clean_up_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<EnvironmentRun> run_;
  std::optional<absl::Status> ended_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_SUITE_GROUP_WORLD_H_
