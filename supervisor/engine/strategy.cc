#include "supervisor/engine/strategy.h"

namespace espalier {

std::string_view StrategyName(Strategy strategy) {
  switch (strategy) {
    case Strategy::kOneForOne:
      return "one_for_one";
    case Strategy::kOneForAll:
      return "one_for_all";
    case Strategy::kRestForOne:
      return "rest_for_one";
    case Strategy::kDependents:
      return "dependents";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, Strategy strategy) {
  return out << StrategyName(strategy);
}

}  // namespace espalier
