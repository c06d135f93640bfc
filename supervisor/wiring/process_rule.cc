#include "supervisor/wiring/process_rule.h"

#include "absl/strings/str_cat.h"

namespace espalier {

absl::Status ProcessRule::Validate() const {
  if (nice && (*nice < -20 || *nice > 19)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a niceness of ", *nice, " is not from -20 to 19"));
  }
  if (umask > 0777) {
    return absl::InvalidArgumentError(
        absl::StrCat("the umask 0", absl::Hex(umask),
                     " (hexadecimal) has bits that are no permissions"));
  }
  for (const ProcessLimit& limit : limits) {
    if (limit.soft <= limit.hard) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("a soft limit of ", limit.soft,
                     " is above its hard limit of ", limit.hard));
  }
  return absl::OkStatus();
}

absl::Status TreeRule::Validate() const {
  constexpr int64_t kLeastMemory = int64_t{1} << 20;
  if (memory_bytes && *memory_bytes < kLeastMemory) {
    return absl::InvalidArgumentError(
        absl::StrCat("no program runs in ", *memory_bytes,
                     " bytes of memory: ", kLeastMemory, " is the least"));
  }
  // What the kernel takes: 1 ms in each 100 ms.
  if (processors && !(*processors >= 0.01)) {
    return absl::InvalidArgumentError(absl::StrCat(
        *processors, " processors are too few: 0.01 is the least"));
  }
  if (tasks && *tasks < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("a service of at most ", *tasks, " tasks cannot run"));
  }
  return absl::OkStatus();
}

}  // namespace espalier
