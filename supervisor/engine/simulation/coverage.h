#ifndef SUPERVISOR_ENGINE_SIMULATION_COVERAGE_H_
#define SUPERVISOR_ENGINE_SIMULATION_COVERAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "supervisor/engine/engine.h"
#include "supervisor/engine/events.h"
#include "supervisor/engine/service_state.h"

namespace espalier::simulation {

// Which events have met services in which states. News counts if it is of the
// current run; that of earlier ones is dropped in every state alike. A Tick
// counts for the services whose time has come.
class Coverage {
 public:
  static constexpr size_t kEvents = std::variant_size_v<Event>;

  // A state and an event that cannot meet, and why.
  struct Unreachable {
    ServiceState state;
    size_t event;
    std::string_view reason;
  };

  // Notes what `engine` is about to be told at `now`.
  void Note(const Engine& engine, const Event& event, absl::Time now);

  void Add(const Coverage& other);

  int64_t Count(ServiceState state, size_t event) const {
    return met_[static_cast<size_t>(state)][event];
  }

  // Pairs that have not met although they could, and pairs that have met
  // although it says here that they cannot, each as "READY, Spawned".
  std::vector<std::string> Missing() const;
  std::vector<std::string> Unexpected() const;

  // A table of how often each pair has met.
  std::string ToString() const;

  // Why the two cannot meet; empty if they can.
  static std::string_view WhyUnreachable(ServiceState state, size_t event);
  static std::string_view EventName(size_t event);

 private:
  std::array<std::array<int64_t, kEvents>, kAllServiceStates.size()> met_{};
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_COVERAGE_H_
