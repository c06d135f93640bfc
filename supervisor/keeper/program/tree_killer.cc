#include "supervisor/keeper/program/tree_killer.h"

#include "supervisor/keeper/program/marker_tree_killer.h"

namespace espalier::keeper {

std::unique_ptr<TreeKiller> MakeTreeKiller(std::optional<TreeRung> forced,
                                           const std::string& token,
                                           Poller* poller, OrphanWatch* orphans,
                                           std::string* note) {
  if (forced.has_value() && *forced != TreeRung::kMarker) return nullptr;
  *note = "cgroups are not used";
  return std::make_unique<MarkerTreeKiller>(token, poller, orphans);
}

}  // namespace espalier::keeper
