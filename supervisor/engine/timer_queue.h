// At most one timer for each service.
#ifndef SUPERVISOR_ENGINE_TIMER_QUEUE_H_
#define SUPERVISOR_ENGINE_TIMER_QUEUE_H_

#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/time/time.h"
#include "supervisor/engine/ids.h"

namespace espalier {

// Holds the times at which services want to be woken. Services with the same
// time are woken in the order of their ids, so that the result is always the
// same. Every operation takes logarithmic time.
class TimerQueue {
 public:
  // Sets the service's timer, in place of the one it may have had. An infinite
  // time means none.
  void Set(ServiceId id, absl::Time when);

  // Takes the service's timer away, if it has one.
  void Clear(ServiceId id);

  // The service's timer; InfiniteFuture() if it has none.
  absl::Time Get(ServiceId id) const;

  // The earliest time of all; InfiniteFuture() if there is none.
  absl::Time Next() const;

  // Takes out the first service whose time is `now` or earlier; nullopt if
  // there is none.
  std::optional<ServiceId> PopDue(absl::Time now);

 private:
  absl::btree_set<std::pair<absl::Time, ServiceId>> queue_;
  // By service: the time that stands in the queue, or InfiniteFuture().
  std::vector<absl::Time> when_;
};

}  // namespace espalier

#endif  // SUPERVISOR_ENGINE_TIMER_QUEUE_H_
