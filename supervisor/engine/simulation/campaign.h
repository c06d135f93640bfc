#ifndef SUPERVISOR_ENGINE_SIMULATION_CAMPAIGN_H_
#define SUPERVISOR_ENGINE_SIMULATION_CAMPAIGN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/engine/simulation/simulation.h"

namespace espalier::simulation {

// Many simulations, one seed after the other, and what they add up to.
class Campaign {
 public:
  explicit Campaign(uint64_t first_seed) : next_seed_(first_seed) {}

  // Runs until `faults` faults in all have taken effect, or a rule is broken.
  void Run(int64_t faults);

  // The sum of all simulations; the violations are those of broken_seed().
  const Outcome& total() const { return total_; }
  std::optional<uint64_t> broken_seed() const { return broken_seed_; }

  // Kinds of faults that are less than 1 % of all.
  std::vector<std::string> RareFaults() const;

  // Counts by kind of act, the table of states and events, and what was wrong.
  std::string Report() const;

 private:
  uint64_t next_seed_;
  int64_t simulations_ = 0;
  Outcome total_;
  std::optional<uint64_t> broken_seed_;
};

}  // namespace espalier::simulation

#endif  // SUPERVISOR_ENGINE_SIMULATION_CAMPAIGN_H_
