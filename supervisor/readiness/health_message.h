#ifndef ESPALIER_SUPERVISOR_READINESS_HEALTH_MESSAGE_H_
#define ESPALIER_SUPERVISOR_READINESS_HEALTH_MESSAGE_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace espalier {

// The field `status` (number 1, an enum) of a serialised
// grpc.health.v1.HealthCheckResponse: 0 UNKNOWN, 1 SERVING, 2 NOT_SERVING, 3
// SERVICE_UNKNOWN, or what later versions add. 0 if it is not set; fields that
// are not known are skipped. Nothing if the bytes are not a message of that
// kind.
//
// By hand, since the message has one number in it, and protobuf's library would
// come with its own in every program that probes.
std::optional<uint64_t> ParseHealthStatus(absl::string_view message);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_HEALTH_MESSAGE_H_
