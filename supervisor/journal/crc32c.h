#ifndef ESPALIER_SUPERVISOR_JOURNAL_CRC32C_H_
#define ESPALIER_SUPERVISOR_JOURNAL_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace espalier {

// The CRC-32C (Castagnoli) of `bytes`, as iSCSI (RFC 3720), ext4 and Btrfs have
// it; of what came before and `bytes` together, given its result for the
// former. It notices every change of up to three bits in what we keep.
uint32_t Crc32c(absl::string_view bytes, uint32_t before = 0);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_JOURNAL_CRC32C_H_
