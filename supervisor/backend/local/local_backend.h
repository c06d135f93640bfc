#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_LOCAL_BACKEND_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_LOCAL_BACKEND_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/backend.h"
#include "supervisor/backend/local/command_probe.h"
#include "supervisor/backend/local/held_addresses.h"
#include "supervisor/backend/local/program_finder.h"
#include "supervisor/backend/local/reload_check.h"
#include "supervisor/backend/local/service_files.h"
#include "supervisor/backend/local/service_logs.h"
#include "supervisor/backend/local/service_user.h"
#include "supervisor/backend/local/spawn_requests.h"
#include "supervisor/backend/local/stranger_watch.h"
#include "supervisor/instance/instance_paths.h"
#include "supervisor/keeper/keeper_client.h"
#include "supervisor/loop/loop.h"
#include "supervisor/readiness/liveness_probe.h"
#include "supervisor/readiness/readiness_probe.h"

namespace espalier {

// Runs commands on this machine: processes are the keeper's, ports and
// listening sockets are held here, readiness is found out by probes on the
// loop. The loop's thread only.
class LocalBackend final : public Backend {
 public:
  struct Options {
    InstancePaths paths;  // made by InstancePaths::Create
    ProgramFinder programs;
    // Who services run as when root runs the environment.
    std::string user_for_root = "nobody";
    KeeperOptions keeper = {};
  };

  // Starts the keeper. `loop` must outlive the backend. Blocks for some
  // milliseconds.
  static absl::StatusOr<std::unique_ptr<LocalBackend>> Create(Loop& loop,
                                                              Options options);

  // Ends whatever still runs and waits until it is gone.
  ~LocalBackend() override;

  // Begins with what the destructor does, which waits for it. Nothing may be
  // asked of this any more, and its loop must not run.
  void BeginEnd() { keeper_->BeginEnd(); }

  const KeeperClient& keeper() const { return *keeper_; }

  void SetEventHandler(std::function<void(Event)> handler) override {
    handler_ = std::move(handler);
  }
  absl::StatusOr<EndpointAddress> Listen(absl::string_view service,
                                         absl::string_view name) override {
    return addresses_.Listen(service, name);
  }
  absl::StatusOr<EndpointAddress> ListenUnix(absl::string_view service,
                                             absl::string_view name) override {
    return addresses_.ListenUnix(service, name);
  }
  absl::StatusOr<EndpointAddress> Reserve(absl::string_view service,
                                          absl::string_view name) override {
    return addresses_.Reserve(service, name);
  }
  absl::StatusOr<EndpointAddress> SocketPath(absl::string_view service,
                                             absl::string_view name,
                                             absl::string_view file) override {
    return addresses_.SocketPath(service, name, file);
  }
  void Define(const ServiceDefinition& definition) override;
  void Carry(const Spawn& order) override;
  void Carry(const Stop& order) override;
  void Carry(const Kill& order) override;
  void Carry(const StartProbe& order) override;
  void Carry(const StopProbe& order) override;
  void Reload(ServiceId id, std::function<void(absl::Status)> done) override;
  void Freeze(ServiceId id, bool frozen) override;
  void WindDown() override { logs_.WindDown(); }
  void Flush() override;
  Remarks RemarksOn(ServiceId id) const override {
    return records_[Index(id)].remarks;
  }
  std::vector<std::string> Notes() const override { return notes_; }
  LogOfRun Log(const ServiceDefinition& definition) const override;
  std::string Show(const Text& text) const override {
    return files_.Show(text);
  }

 private:
  struct Record {
    const ServiceDefinition* definition = nullptr;
    const HeldAddresses::Held* held = nullptr;  // null: nothing is
    Generation generation = 0;
    pid_t pid = 0;
    int64_t log_begin = 0;
    bool ready = false;
    Remarks remarks;
    uint32_t keeper_id = 0;
    uint32_t probe_keeper_id = 0;
    std::unique_ptr<ReadinessProbe> probe;
    std::unique_ptr<CommandProbe> command_probe;  // null: it has none
    // While it says that it is ready, and somebody else listens on its port.
    std::unique_ptr<StrangerWatch> stranger;
    // While it is ready, if that was asked for. Goes before what it uses.
    std::unique_ptr<LivenessProbe> liveness;
    uint32_t reload_keeper_id = 0;
    std::unique_ptr<ReloadCheck> reload_check;  // null: it has none
  };
  // Who a process of the keeper's is.
  struct Role {
    size_t record;
    enum Kind { kService, kProbe, kReloadCheck } kind;
  };
  struct SpawnProblem {
    int error;
    std::string stage;
  };

  LocalBackend(Loop& loop, Options options, std::optional<ServiceUser> user,
               std::unique_ptr<KeeperClient> keeper);

  void Report(Event event);
  std::optional<SpawnProblem> TrySpawn(const Record& record,
                                       const Spawn& order);
  uint32_t NewKeeperId(Role role);
  void MakeCommandProbe(Record& record);
  bool HasNoStranger(Record& record);
  void Ready(Record& record);
  void Complain(Record& record, std::string complaint);
  void BeginLiveness(Record& record);
  static void StopAsking(Record& record);
  void Ask(Record& record, const Readiness& question);
  void MakeReloadCheck(Record& record);
  absl::Status SpawnAside(const Record& record, const ProbeCommand& command,
                          uint32_t keeper_id, uint64_t run,
                          const std::string& log);
  absl::Status SignalReload(const Record& record, Generation generation);
  std::string ProbeLog(const Record& record) const;
  std::string ReloadLog(const Record& record) const;

  void ReadKeeper();
  void On(const keeper::HelloEvent&) {}
  void On(const keeper::StatusEvent& event);
  void On(const keeper::WatchdogLostEvent& event);
  void On(const keeper::NoteEvent& event);
  void On(const keeper::SpawnedEvent& event);
  void On(const keeper::MainProcessEvent& event);
  void On(const keeper::SpawnFailedEvent& event);
  void On(const keeper::ReadyEvent& event);
  void On(const keeper::ExitedEvent& event);
  void On(const keeper::DrainedEvent& event);
  void On(const keeper::LogLossEvent& event);
  void On(const keeper::RefusedEvent& event);

  Loop& loop_;
  const ServiceFiles files_;
  HeldAddresses addresses_;
  SpawnRequests requests_;
  ServiceLogs logs_;
  std::function<void(Event)> handler_;
  std::deque<Record> records_;  // by ServiceId
  std::vector<Role> roles_;     // by the keeper's ids
  std::vector<std::string> notes_;
  std::unique_ptr<KeeperClient> keeper_;
  Loop::Watch keeper_readable_;
  Loop::Watch keeper_writable_;
  // What the events at hand bring about is sent together when all have been
  // handled.
  bool handling_events_ = false;
  // Events are never reported from within a call; a token that ends with this
  // object guards what was posted.
  std::shared_ptr<LocalBackend*> self_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_LOCAL_BACKEND_H_
