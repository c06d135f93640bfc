#ifndef ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_OPTIONS_H_
#define ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_OPTIONS_H_

#include "absl/time/time.h"

namespace espalier {

// Of External(). By itself, so that a header which declares one for its handle
// need not read the whole nursery.
struct ExternalOptions {
  // How long it may take to answer, each of its endpoints.
  absl::Duration timeout = absl::Seconds(10);
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_EXTERNAL_OPTIONS_H_
