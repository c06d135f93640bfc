#ifndef ESPALIER_SUPERVISOR_CONTROL_CONTROL_MESSAGES_H_
#define ESPALIER_SUPERVISOR_CONTROL_CONTROL_MESSAGES_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"
#include "supervisor/control/control.pb.h"
#include "supervisor/control/explanation.h"
#include "supervisor/control/service_snapshot.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

// What the API's messages are in our own types, and back. Any thread.
control::v1::Handle ToMessage(const HandleData& data);
HandleData FromMessage(const control::v1::Handle& message);
control::v1::Service ToMessage(const ServiceSnapshot& snapshot);
ServiceSnapshot FromMessage(const control::v1::Service& message);
control::v1::Explanation ToMessage(const Explanation& explanation);
Explanation FromMessage(const control::v1::Explanation& message);
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CONTROL_MESSAGES_H_
