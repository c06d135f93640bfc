#ifndef SUPERVISOR_ENGINE_SIMULATION_WORLD_H_
#define SUPERVISOR_ENGINE_SIMULATION_WORLD_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/events.h"
#include "supervisor/engine/simulation/act.h"
#include "supervisor/engine/simulation/scenario.h"

namespace espalier::simulation {

// A machine that exists in virtual time only: it starts and ends processes as
// the engine orders, and reports as a backend does. It is well-behaved but for
// the faults it is given. Everything that it does takes a while which the seed
// decides.
class World {
 public:
  // `specs`, of the services as they are now, must outlive the world.
  World(uint64_t seed, const std::vector<ServiceSpec>& specs);

  // Carries out an order; news for observers is none of its business.
  void Carry(const Action& action, absl::Time now);

  // Does a fault to a service, or keeps it for the occasion. One that finds
  // nothing to do is dropped.
  void Inject(const Act& act, absl::Time now);

  // When Take() has the next event; InfiniteFuture() if nothing is under way.
  absl::Time Next() const;
  // Takes the next event; nullopt if what was under way has become pointless.
  std::optional<Event> Take();

  // No more faults: what hangs goes on, what lingers goes.
  void Heal(absl::Time now);
  // The keeper is gone, and all processes with it.
  void Clear();

  // The faults that have taken effect so far.
  const ActCounts& counts() const { return counts_; }

 private:
  // A run, from the order to spawn it until nothing of it is left.
  struct Process {
    ServiceId id{};
    Generation generation = 0;
    bool spawned = false;
    bool hangs = false;
    bool fails = false;  // Its spawn is about to fail; nothing is there to end.
    bool probed = false;
    bool ready = false;
    bool dying = false;  // Its exit is under way.
    bool exited = false;
    bool killed = false;
    bool lingers = false;
    bool tree_first = false;
    bool drained = false;
    ExitResult result = ExitResult::Exited(0);
  };
  enum class What { kSpawned, kSpawnFailed, kReady, kExit, kDrain };
  struct News {
    What what;
    ServiceId id;
    Generation generation;
    int error = 0;
  };

  void On(const Spawn& order);
  void On(const Stop& order);
  void On(const Kill& order);
  void On(const StartProbe& order);
  void On(const StopProbe& order);
  template <typename Other>
  void On(const Other&) {}

  // The process of that run; null if it is gone.
  Process* Find(ServiceId id, Generation generation);
  void Later(absl::Duration after, std::variant<News, Event> what);
  absl::Duration UpTo(absl::Duration longest);
  bool IsArmed(ServiceId id, ActKind kind);
  void Count(ActKind kind) { ++counts_[static_cast<size_t>(kind)]; }
  void Die(Process& process, ExitResult result, absl::Duration after);
  bool End(ServiceId id, ExitResult result);
  std::optional<Event> Report(Process& process, const News& news);
  std::optional<Event> ReportExit(Process& process);
  std::optional<Event> ReportDrain(Process& process);
  bool FailProbes(const Act& act);
  bool RepeatNews(const Act& act);
  bool TellOldNews(const Act& act);
  bool ManyDie(const Act& act);
  bool Now(const Act& act);

  const std::vector<ServiceSpec>& specs_;
  uint64_t dice_;
  absl::Time now_ = absl::UnixEpoch();
  uint64_t order_ = 0;
  std::map<std::pair<absl::Time, uint64_t>, std::variant<News, Event>> coming_;
  // By service: its run, and the faults that wait for their occasion.
  std::vector<std::optional<Process>> processes_;
  std::vector<std::array<uint8_t, kActKinds>> armed_;
  std::vector<Generation> generations_;
  // External services that are probed.
  std::vector<bool> probed_;
  // By service: the news of its run.
  std::vector<std::vector<Event>> told_;
  ActCounts counts_{};
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_WORLD_H_
