#ifndef ESPALIER_SUPERVISOR_NURSERY_ALL_ERRORS_H_
#define ESPALIER_SUPERVISOR_NURSERY_ALL_ERRORS_H_

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace espalier {

// `first` with what `other` says added to it: everything that went wrong is
// told. What was cancelled because of the first, or repeats it, says nothing.
inline absl::Status WithAnother(const absl::Status& first,
                                const absl::Status& other) {
  if (first.ok()) return other;
  if (other.ok() || absl::IsCancelled(other) ||
      absl::StrContains(first.message(), other.message())) {
    return first;
  }
  return absl::Status(
      first.code(), absl::StrCat(first.message(), "\nand: ", other.message()));
}

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_ALL_ERRORS_H_
