// Drives an engine in tests: virtual time, short ways to send the usual events,
// and a record of what the engine wanted.
#ifndef SUPERVISOR_ENGINE_ENGINE_HARNESS_H_
#define SUPERVISOR_ENGINE_ENGINE_HARNESS_H_

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/engine/engine.h"

namespace espalier {

// The test is the world: nothing happens that it does not send. Services are
// named by the test and must be valid; a mistake ends the test program.
class EngineHarness {
 public:
  explicit EngineHarness(EngineOptions options = {}) : engine_(options) {}

  Engine& engine() { return engine_; }
  absl::Time now() const { return now_; }

  // Adds a service without jitter, so that times are round; `spec.name` becomes
  // "a", "b", … unless it is given.
  ServiceId Add(ServiceSpec spec = {});
  // Adds a service, brings it to READY, and forgets how.
  ServiceId AddReady(ServiceSpec spec = {});
  GroupId AddGroup(GroupSpec spec);
  // Starts services, brings them to READY, and forgets how.
  void BringUp(const std::vector<ServiceId>& ids);

  // Sends one event at the current time.
  void Send(const Event& event);
  // Lets time pass, with a Tick whenever the engine asked for one.
  void Advance(absl::Duration by);

  // --- Short ways. All are about the current generation.
  void Start(ServiceId id) { Send(StartRequested{.id = id}); }
  void StopService(ServiceId id) { Send(StopRequested{.id = id}); }
  void Restart(ServiceId id) { Send(RestartRequested{.id = id}); }
  void TellSpawned(ServiceId id);
  void TellSpawnFailed(ServiceId id, int error);
  void TellReady(ServiceId id);
  // As many failed probes as it takes.
  void TellLivenessLost(ServiceId id, const std::string& complaint = "");
  void TellProbeFailed(ServiceId id, std::string complaint);
  void TellExited(ServiceId id, ExitResult result);
  void TellDrained(ServiceId id);
  // Spawned, then ready.
  void ComeUp(ServiceId id);
  // Exited, then drained.
  void End(ServiceId id, ExitResult result = ExitResult::Exited(1));

  // What engine().Error() says of the service.
  std::string Error(ServiceId id) const {
    return std::string(engine_.Error(id).message());
  }
  ServiceState State(ServiceId id) const { return engine_.State(id); }
  Generation CurrentGeneration(ServiceId id) const {
    return engine_.CurrentGeneration(id);
  }

  // What the engine wanted since the last Forget().
  const std::vector<Action>& actions() const { return actions_; }
  void Forget() { actions_.clear(); }

  // The actions of one kind since the last Forget(), in order.
  template <typename A>
  std::vector<A> All() const {
    std::vector<A> found;
    for (const Action& action : actions_) {
      if (const A* one = std::get_if<A>(&action)) found.push_back(*one);
    }
    return found;
  }

  // How many actions of one kind concerned the service since the last Forget().
  template <typename A>
  int Count(ServiceId id) const {
    int count = 0;
    for (const A& action : All<A>()) count += action.id == id;
    return count;
  }

  // The states that the service has gone through since the last Forget().
  std::vector<ServiceState> Path(ServiceId id) const;

 private:
  Engine engine_;
  absl::Time now_ = absl::UnixEpoch();
  std::vector<Action> actions_;
};

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_ENGINE_HARNESS_H_
