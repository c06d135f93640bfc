#include "supervisor/backend/local/asked_endpoint.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "supervisor/ports/listener_owner.h"
#include "supervisor/readiness/tls_hello.h"

namespace espalier {
namespace {

ProbeTarget::Kind ProbeKind(Readiness::Kind kind) {
  switch (kind) {
    case Readiness::Kind::kHttp:
      return ProbeTarget::Kind::kHttp;
    case Readiness::Kind::kGrpcHealth:
      return ProbeTarget::Kind::kGrpcHealth;
    case Readiness::Kind::kAnswer:
    case Readiness::Kind::kTls:
      return ProbeTarget::Kind::kText;
    default:
      return ProbeTarget::Kind::kConnect;
  }
}

absl::StatusOr<uint16_t> PortOf(const EndpointAddress& address) {
  int port = 0;
  if (absl::SimpleAtoi(address.port, &port) && port > 0 && port < 65536)
    return static_cast<uint16_t>(port);
  return absl::InvalidArgumentError(
      absl::StrCat("'", address.port, "' is not a port"));
}

}  // namespace

absl::StatusOr<ProbeTarget> ProbeTargetOf(const Readiness& readiness) {
  const EndpointAddress& address =
      EndpointAccess::Address(*readiness.endpoint());
  ProbeTarget target = {.kind = ProbeKind(readiness.kind()),
                        .address = ProbeTarget::Unix{address.path}};
  if (readiness.kind() == Readiness::Kind::kHttp)
    target.http_path = readiness.path();
  if (readiness.kind() == Readiness::Kind::kAnswer) {
    target.request = readiness.request();
    target.answer = readiness.answer();
  }
  if (readiness.kind() == Readiness::Kind::kTls) {
    target.request = TlsClientHello();
    target.answer = std::string(kTlsServerHelloBegins);
  }
  if (!address.path.empty()) return target;
  const absl::StatusOr<uint16_t> port = PortOf(address);
  if (!port.ok()) return port.status();
  target.address = ProbeTarget::Tcp{
      .host = address.host == "localhost" ? "127.0.0.1" : address.host,
      .port = *port};
  return target;
}

absl::Status CheckListener(const ServiceDefinition& definition,
                           const HeldAddresses::Held* held, pid_t pid,
                           const Endpoint& endpoint) {
  const EndpointAddress& address = EndpointAccess::Address(endpoint);
  if (definition.external || address.port.empty() ||
      endpoint.service() != definition.path) {
    return absl::OkStatus();
  }
  if (held != nullptr && held->Listens(endpoint.name()))
    return absl::OkStatus();
  const absl::StatusOr<uint16_t> port = PortOf(address);
  if (!port.ok()) return port.status();
  return CheckListenerOwnedBy(*port, pid);
}

absl::Status CheckForStrangers(const ServiceDefinition& definition,
                               const HeldAddresses::Held* held, pid_t pid) {
  for (const Endpoint& endpoint : definition.endpoints) {
    const absl::Status found = CheckListener(definition, held, pid, endpoint);
    if (!found.ok() && !absl::IsUnavailable(found)) return found;
  }
  return absl::OkStatus();
}

}  // namespace espalier
