#include "supervisor/control/attach.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace espalier {
namespace {

// "links (Links<Http2Url>)"
std::string Describe(const ServiceSnapshot& service) {
  if (!service.handle.has_value()) return service.name;
  return absl::StrCat(service.name, " (", service.handle->type, ")");
}

}  // namespace

Attached Attach(const InstanceSelector& selector, const HostFacts& host) {
  Attached attached;
  absl::StatusOr<LockHolder> found = FindInstance(selector, host);
  if (!found.ok()) {
    attached.status_ = found.status();
    return attached;
  }
  attached.environment_ = *std::move(found);
  absl::StatusOr<std::unique_ptr<ControlClient>> client =
      ControlClient::Connect(attached.environment_.control_socket);
  attached.status_ = client.status();
  if (client.ok()) attached.client_ = *std::move(client);
  return attached;
}

Attached Attach(std::string environment) {
  return Attach(InstanceSelector{.environment = std::move(environment)});
}

absl::StatusOr<HandleData> Attached::OfService(absl::string_view service) {
  if (!status_.ok()) return status_;
  absl::StatusOr<ControlClient::ServiceList> list = client_->List();
  if (!list.ok()) return list.status();
  std::vector<std::string> there;
  for (const ServiceSnapshot& candidate : list->services) {
    there.push_back(Describe(candidate));
    if (candidate.name != service) continue;
    if (candidate.handle.has_value()) return *candidate.handle;
    return absl::InvalidArgumentError(
        absl::StrCat("`", service, "` of environment `",
                     environment_.environment, "` gives no handle"));
  }
  return absl::NotFoundError(absl::StrCat(
      "environment `", environment_.environment, "` has no service `", service,
      "`; there are: ", absl::StrJoin(there, ", ")));
}

absl::StatusOr<HandleData> Attached::OfEnvironment() {
  if (!status_.ok()) return status_;
  absl::StatusOr<ControlClient::ServiceList> list = client_->List();
  if (!list.ok()) return list.status();
  if (list->handle.has_value()) return *std::move(list->handle);
  return absl::FailedPreconditionError(
      absl::StrCat("environment `", environment_.environment,
                   "` gives no handle: it is not ready yet, or what its "
                   "function gives is none (see ESPALIER_HANDLE)"));
}

absl::Status Attached::WrongType(absl::string_view what, absl::string_view type,
                                 absl::string_view wanted) const {
  return absl::InvalidArgumentError(
      absl::StrCat("`", what, "` of environment `", environment_.environment,
                   "` is a ", type, ", not a ", wanted));
}

absl::Status Attached::Misfit(absl::string_view what,
                              absl::string_view error) const {
  return absl::InvalidArgumentError(absl::StrCat(
      "environment `", environment_.environment, "` was built from another `",
      what, "` than this program: ", error));
}

}  // namespace espalier
