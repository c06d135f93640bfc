#ifndef ESPALIER_SUPERVISOR_CONTROL_ATTACH_H_
#define ESPALIER_SUPERVISOR_CONTROL_ATTACH_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/control/control_client.h"
#include "supervisor/instance/host_facts.h"
#include "supervisor/instance/instance_list.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

// A running environment, seen from another program: what its start functions
// gave is here again, with the same types.
//
//   absl::StatusOr<Links<Http2Url>> links =
//       Attach("two").Get<Links<Http2Url>>("links");
//
// Calls block; one thread at a time.
class Attached {
 public:
  // OK, or why there is nothing to be had.
  const absl::Status& status() const { return status_; }

  // The handle of a service, by its path ("links", "shop/links"): asked for
  // anew each time, and true for as long as the environment runs. NotFoundError
  // or InvalidArgumentError with what is there instead; otherwise status(), or
  // what the client says.
  template <Handle H>
  absl::StatusOr<H> Get(absl::string_view service) {
    return Read<H>(OfService(service), std::string(service));
  }

  // What the environment's function gave as a whole: `TwoSite`.
  template <Handle H>
  absl::StatusOr<H> Get() {
    return Read<H>(OfEnvironment(), environment_.environment);
  }

  // For everything else that clients do. Only if status() is OK.
  ControlClient& client() { return *client_; }
  // Which environment it is. Only if status() is OK.
  const LockHolder& environment() const { return environment_; }

 private:
  friend Attached Attach(const InstanceSelector&, const HostFacts&);

  Attached() = default;
  template <Handle H>
  absl::StatusOr<H> Read(const absl::StatusOr<HandleData>& data,
                         const std::string& what) const {
    if (!data.ok()) return data.status();
    if (data->type != TypeName<H>()) {
      return WrongType(what, data->type, TypeName<H>());
    }
    std::string error;
    std::optional<H> handle =
        H::FromHandleData(HandleReader(&*data, what, &error));
    if (handle.has_value()) return *std::move(handle);
    return Misfit(what, error);
  }

  absl::StatusOr<HandleData> OfService(absl::string_view service);
  absl::StatusOr<HandleData> OfEnvironment();
  absl::Status WrongType(absl::string_view what, absl::string_view type,
                         absl::string_view wanted) const;
  absl::Status Misfit(absl::string_view what, absl::string_view error) const;

  absl::Status status_;
  LockHolder environment_;
  std::unique_ptr<ControlClient> client_;
};

// Finds the one environment of this checkout that runs and matches, and
// connects to it. Errors are in what is returned.
Attached Attach(const InstanceSelector& selector,
                const HostFacts& host = HostFacts::Current());
Attached Attach(std::string environment);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_ATTACH_H_
