// Which services of a group restart together.
#ifndef SUPERVISOR_ENGINE_STRATEGY_H_
#define SUPERVISOR_ENGINE_STRATEGY_H_

#include <ostream>
#include <string_view>

namespace espalier {

// Which other services of a group are restarted when one of them failed and is
// run again. All of them are stopped, in reverse order, before any is started.
enum class Strategy {
  kOneForOne,   // None.
  kOneForAll,   // All of them, those in groups below included.
  kRestForOne,  // Those that were added after it.
  kDependents,  // Those that need it, directly or not.
};

// "one_for_one", …
std::string_view StrategyName(Strategy strategy);

std::ostream& operator<<(std::ostream& out, Strategy strategy);

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_STRATEGY_H_
