#include "supervisor/readiness/health_message.h"

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace espalier {
namespace {

// Protobuf's wire types; the others (groups) are obsolete.
enum WireType : uint64_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kFixed32 = 5
};

// Takes a base-128 number off the front of `bytes`.
std::optional<uint64_t> TakeVarint(absl::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const uint8_t byte = bytes.front();
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// Takes the value of a field that is not a varint off the front.
bool Skip(uint64_t wire_type, absl::string_view& bytes) {
  std::optional<uint64_t> size;
  if (wire_type == kFixed64) size = 8;
  if (wire_type == kFixed32) size = 4;
  if (wire_type == kBytes) size = TakeVarint(bytes);
  if (!size.has_value() || *size > bytes.size()) return false;
  bytes.remove_prefix(*size);
  return true;
}

}  // namespace

std::optional<uint64_t> ParseHealthStatus(absl::string_view message) {
  uint64_t status = 0;
  while (!message.empty()) {
    const std::optional<uint64_t> tag = TakeVarint(message);
    if (!tag.has_value() || *tag >> 3 == 0) return std::nullopt;
    const uint64_t wire_type = *tag & 7;
    if (wire_type != kVarint) {
      if (!Skip(wire_type, message)) return std::nullopt;
      continue;
    }
    const std::optional<uint64_t> value = TakeVarint(message);
    if (!value.has_value()) return std::nullopt;
    if (*tag >> 3 == 1) status = *value;
  }
  return status;
}

}  // namespace espalier
