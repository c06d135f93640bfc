#include "supervisor/backend/local/held_addresses.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace espalier {

bool HeldAddresses::Held::Listens(absl::string_view endpoint) const {
  return std::any_of(listeners.begin(), listeners.end(),
                     [&](const auto& it) { return it.first == endpoint; });
}

HeldAddresses::Held& HeldAddresses::Make(absl::string_view service) {
  std::unique_ptr<Held>& held = held_[service];
  if (held == nullptr) held = std::make_unique<Held>();
  return *held;
}

const HeldAddresses::Held* HeldAddresses::Of(absl::string_view service) const {
  const auto found = held_.find(service);
  return found == held_.end() ? nullptr : found->second.get();
}

absl::StatusOr<EndpointAddress> HeldAddresses::Listen(absl::string_view service,
                                                      absl::string_view name) {
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::ListenTcp();
  if (!socket.ok()) return socket.status();
  EndpointAddress address{.service = std::string(service),
                          .name = std::string(name),
                          .host = "127.0.0.1",
                          .port = absl::StrCat(socket->port())};
  Make(service).listeners.emplace_back(name, *std::move(socket));
  return address;
}

absl::StatusOr<EndpointAddress> HeldAddresses::ListenUnix(
    absl::string_view service, absl::string_view name) {
  absl::StatusOr<EndpointAddress> address = SocketPath(service, name, name);
  if (!address.ok()) return address;
  if (absl::Status status =
          files_.PrepareRuntime(address->service, files_.user());
      !status.ok())
    return status;
  absl::StatusOr<ListeningSocket> socket =
      ListeningSocket::ListenUnix(address->path);
  if (!socket.ok()) return socket.status();
  Make(service).listeners.emplace_back(name, *std::move(socket));
  return address;
}

absl::StatusOr<EndpointAddress> HeldAddresses::Reserve(
    absl::string_view service, absl::string_view name) {
  absl::StatusOr<PortReservation> port = PortReservation::Reserve();
  if (!port.ok()) return port.status();
  EndpointAddress address{.service = std::string(service),
                          .name = std::string(name),
                          .host = "127.0.0.1",
                          .port = absl::StrCat(port->port())};
  Make(service).ports.push_back(*std::move(port));
  return address;
}

absl::StatusOr<EndpointAddress> HeldAddresses::SocketPath(
    absl::string_view service, absl::string_view name,
    absl::string_view file) const {
  const std::string path =
      absl::StrCat(files_.RuntimeDirectory(std::string(service)), "/", file);
  if (path.size() > kMaxUnixPath) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of the socket '", name, "' of '", service,
                     "' is longer than ", kMaxUnixPath, " characters: ", path,
                     "; use shorter names"));
  }
  return EndpointAddress{
      .service = std::string(service), .name = std::string(name), .path = path};
}

}  // namespace espalier
