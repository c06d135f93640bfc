// What a simulation does to the services of its world: faults, and the commands
// of an operator.
#ifndef SUPERVISOR_ENGINE_SIMULATION_ACT_H_
#define SUPERVISOR_ENGINE_SIMULATION_ACT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/time/time.h"
#include "supervisor/engine/ids.h"

namespace espalier::simulation {

enum class ActKind : uint8_t {
  // Faults that happen at once, if the service is in a state to have them.
  kCrash,
  kCleanExit,
  kPermanentExit,
  kOomKill,
  kManyDie,  // Up to ten services end in the same instant.
  kProbesFail,
  kStaleNews,      // News of an earlier run comes late.
  kDuplicateNews,  // Some news of its run comes again.
  kPressure,       // The machine is starved for some time.
  // Faults that wait for their occasion.
  kCrashAtStart,
  kExitBeforeSpawned,  // The exit is reported before the answer to the spawn.
  kSpawnFails,         // In passing, several times.
  kSpawnImpossible,
  kSpawnHangs,
  kNeverReady,
  kIgnoresStop,
  kSurvivesKill,  // Dies long after it was killed.
  kTreeLingers,   // What it leaves behind goes only when killed, or much later.
  kTreeFirst,     // The empty tree is reported before the exit.
  // Commands.
  kStart,
  kAwaitedStart,
  kStop,
  kRestart,
  kReset,
  kStopGroup,
  kFailGroup,
  kReplace,  // Another spec, for one that is at rest.
  kSetMaxStarting,
};

inline constexpr size_t kActKinds =
    static_cast<size_t>(ActKind::kSetMaxStarting) + 1;

constexpr bool IsFault(ActKind kind) { return kind < ActKind::kStart; }
constexpr bool WaitsForItsOccasion(ActKind kind) {
  return kind >= ActKind::kCrashAtStart && IsFault(kind);
}

constexpr bool IsAboutAGroup(ActKind kind) {
  return kind == ActKind::kStopGroup || kind == ActKind::kFailGroup;
}

// "crash", "spawn hangs", …
std::string_view ActName(ActKind kind);

struct Act {
  // Since the act before it.
  absl::Duration after = absl::ZeroDuration();
  ActKind kind = ActKind::kStart;
  // The service or, for kStopGroup and kFailGroup, the group (by its number).
  ServiceId service{};
  // How many, how long, how much: what the kind makes of it.
  uint32_t number = 0;
};

// How often each kind of act took effect.
using ActCounts = std::array<int64_t, kActKinds>;

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_ACT_H_
