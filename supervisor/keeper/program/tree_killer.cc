#include "supervisor/keeper/program/tree_killer.h"

#include "supervisor/keeper/program/cgroup_tree_killer.h"
#include "supervisor/keeper/program/marker_tree_killer.h"

namespace espalier::keeper {

std::unique_ptr<TreeKiller> MakeTreeKiller(std::optional<TreeRung> forced,
                                           const ServiceMarker& marker,
                                           Poller* poller, OrphanWatch* orphans,
                                           std::string* note) {
  for (TreeRung rung : {TreeRung::kCgroupKill, TreeRung::kCgroupFreeze}) {
    if (forced.value_or(rung) != rung) continue;
    auto killer =
        CgroupTreeKiller::Make(rung, marker.token(), poller, orphans, note);
    if (killer != nullptr) {
      note->clear();
      return killer;
    }
  }
  if (forced.value_or(TreeRung::kMarker) != TreeRung::kMarker) return nullptr;
  return std::make_unique<MarkerTreeKiller>(marker, poller, orphans);
}

}  // namespace espalier::keeper
