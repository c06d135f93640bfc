#ifndef SUPERVISOR_ENGINE_SIMULATION_RANDOM_H_
#define SUPERVISOR_ENGINE_SIMULATION_RANDOM_H_

#include <cstdint>
#include <random>

#include "absl/time/time.h"

namespace espalier::simulation {

// Dice that fall the same way everywhere: the standard's distributions do not.
class Random {
 public:
  explicit Random(uint64_t seed) : bits_(seed) {}

  // From 0 to `below` - 1; `below` must not be 0.
  uint64_t Pick(uint64_t below) { return bits_() % below; }
  int Between(int lowest, int highest) {
    return lowest + static_cast<int>(Pick(highest - lowest + 1));
  }
  bool OneIn(int of) { return Pick(of) == 0; }
  absl::Duration UpTo(absl::Duration longest) {
    return absl::Microseconds(Pick(absl::ToInt64Microseconds(longest) + 1));
  }

 private:
  std::mt19937_64 bits_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_RANDOM_H_
