#include "supervisor/nursery/suite/group_world.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "supervisor/backend/local/local_backend.h"
#include "supervisor/nursery/suite/simulated_backend.h"

namespace espalier {

std::ostream& operator<<(std::ostream& out, WorldKind kind) {
  return out << (kind == WorldKind::kSimulated ? "Simulated" : "Processes");
}

RestartRule QuickRestarts(int max_runs) {
  return {.max_runs = max_runs,
          .initial_delay = absl::Milliseconds(1),
          .max_delay = absl::Milliseconds(4),
          .jitter = 0};
}

GroupWorld::GroupWorld(WorldKind kind, RuntimeOptions options) {
  if (kind == WorldKind::kSimulated) {
    auto backend = std::make_unique<SimulatedBackend>(loop_);
    SimulatedBackend* simulated = backend.get();
    kill_ = [simulated](ServiceId id) { simulated->Signal(id, SIGKILL); };
    lose_keeper_ = [simulated] { simulated->LoseKeeper(); };
    left_ = [simulated] { return simulated->running(); };
    clean_up_ = [] {};
    backend_ = std::move(backend);
  } else {
    absl::StatusOr<InstancePaths> paths =
        InstancePaths::Create({.environment = "groups",
                               .instance = "default",
                               .data_dir = directory_.path() + "/data"});
    EXPECT_TRUE(paths.ok()) << paths.status();
    auto backend = LocalBackend::Create(
        loop_, {.paths = *paths, .programs = ProgramFinder::ForProcess("")});
    EXPECT_TRUE(backend.ok()) << backend.status();
    const pid_t keeper = (*backend)->keeper().keeper_pid();
    kill_ = [this](ServiceId id) { kill(runtime_->engine().Pid(id), SIGKILL); };
    lose_keeper_ = [keeper] { kill(keeper, SIGKILL); };
    // Its destructor waits until all is gone.
    left_ = [] { return 0; };
    clean_up_ = [paths = *paths] { paths.RemoveRuntimeDirectory(); };
    backend_ = *std::move(backend);
  }
  runtime_ = std::make_unique<Runtime>(loop_, *backend_, std::move(options));
  runtime_->SetObserver([this](const Changed& change) {
    const std::string move =
        absl::StrCat(runtime_->services()[Index(change.id)].path, " ",
                     std::string(ServiceStateName(change.to)));
    moves.push_back(move);
    if (on_move) on_move(move);
    if (on_change) on_change(change);
  });
  runtime_->SetGroupObserver([this](const GroupRun::Move& move) {
    if (on_group_move) on_group_move(move);
  });
}

GroupWorld::~GroupWorld() {
  on_move = nullptr;
  on_change = nullptr;
  on_group_move = nullptr;
  if (run_ != nullptr && !ended_) Stop().IgnoreError();
  EXPECT_EQ(left_(), 0u) << "something was left running";
  run_.reset();
  runtime_.reset();
  backend_.reset();
  clean_up_();
}

std::string GroupWorld::FileOf(const std::string& path) const {
  return absl::StrCat(directory_.path(), "/",
                      absl::StrReplaceAll(path, {{"/", "."}}), ".script");
}

void GroupWorld::Direct(const std::string& path,
                        const std::string& script) const {
  // Whole or not at all, for whoever reads it now.
  const std::string fresh = FileOf(path) + ".new";
  std::ofstream(fresh) << script;
  EXPECT_EQ(std::rename(fresh.c_str(), FileOf(path).c_str()), 0);
}

Task<HttpUrl> GroupWorld::StartActor(Nursery& nursery, std::string name,
                                     ActorOptions options) const {
  Service service = nursery.NewService(name);
  HttpUrl url = service.Listen<HttpUrl>();
  Command command{.program = Program::Built("supervisor/nursery/suite/actor"),
                  .arguments = {FileOf(service.path())},
                  .readiness = options.one_shot ? Readiness::Completed()
                                                : Readiness::Newline(),
                  .restart = options.restart,
                  .stop = options.stop};
  for (const HttpUrl& need : options.needs) command.arguments.push_back(need);
  for (const HttpUrl& need : options.start_needs)
    command.arguments.push_back(AtStart(need));
  if (!options.argument.empty()) command.arguments.push_back(options.argument);
  co_await service.Start(std::move(command));
  co_return url;
}

void GroupWorld::Run(EnvironmentRun::Body body) {
  run_ = std::make_unique<EnvironmentRun>(
      *runtime_, std::move(body),
      EnvironmentRun::Callbacks{
          .ready = [] {},
          .ended =
              [this](absl::Status status) { ended_ = std::move(status); }});
  run_->Start();
  Await([this] { return run_->ready(); });
}

void GroupWorld::Kill(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) kill_(Id(path));
}

void GroupWorld::LoseKeeper() { lose_keeper_(); }

bool GroupWorld::Await(const std::function<bool()>& condition) {
  loop_.RunUntil([&] { return ended_.has_value() || condition(); });
  return condition();
}

bool GroupWorld::AwaitState(const std::string& path, ServiceState state) {
  return Await([&] { return State(path) == state; });
}

bool GroupWorld::AwaitRun(const std::string& path, Generation generation) {
  return Await([&] {
    return State(path) == ServiceState::kReady && Runs(path) == generation;
  });
}

absl::Status GroupWorld::AwaitEnd() {
  loop_.RunUntil([this] { return ended_.has_value(); });
  return *ended_;
}

absl::Status GroupWorld::Stop() {
  run_->Stop();
  return AwaitEnd();
}

ServiceId GroupWorld::Id(const std::string& path) const {
  const ServiceDefinition* found = runtime_->Find(path);
  EXPECT_NE(found, nullptr) << path;
  return found->id;
}

std::string GroupWorld::Explain(const std::string& path) const {
  return runtime_->engine().Explain(Id(path), absl::UnixEpoch() + Loop::Now());
}

std::string GroupWorld::LogFile(const std::string& path) const {
  return backend_->Log(*runtime_->Find(path)).file;
}

ServiceState GroupWorld::State(const std::string& path) const {
  return runtime_->engine().State(Id(path));
}

Generation GroupWorld::Runs(const std::string& path) const {
  return runtime_->engine().CurrentGeneration(Id(path));
}

std::vector<std::string> GroupWorld::MovesTo(
    const std::vector<ServiceState>& to) const {
  std::vector<std::string> found;
  std::copy_if(moves.begin(), moves.end(), std::back_inserter(found),
               [&](const std::string& move) {
                 return std::any_of(
                     to.begin(), to.end(), [&](ServiceState state) {
                       const std::string name(ServiceStateName(state));
                       return move.ends_with(" " + name);
                     });
               });
  return found;
}

}  // namespace espalier
