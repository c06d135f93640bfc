#include "supervisor/backend/plan/plan_backend.h"

#include <csignal>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

// "links", or "links.admin" for an endpoint that is not the service's main one.
std::string SymbolOf(absl::string_view service, absl::string_view name) {
  return name == "url" ? std::string(service)
                       : absl::StrCat(service, ".", name);
}

EndpointAddress TcpSymbol(absl::string_view service, absl::string_view name) {
  const std::string symbol = SymbolOf(service, name);
  return {.service = std::string(service),
          .name = std::string(name),
          .host = absl::StrCat("{", symbol, ".host}"),
          .port = absl::StrCat("{", symbol, ".port}")};
}

EndpointAddress UnixSymbol(absl::string_view service, absl::string_view name) {
  return {.service = std::string(service),
          .name = std::string(name),
          .path = absl::StrCat("{", SymbolOf(service, name), ".socket}")};
}

absl::string_view RootSymbol(Text::Part::Kind kind) {
  return kind == Text::Part::kDataPath      ? "{data}"
         : kind == Text::Part::kRuntimePath ? "{run}"
                                            : "{cache}";
}

}  // namespace

absl::StatusOr<EndpointAddress> PlanBackend::Listen(absl::string_view service,
                                                    absl::string_view name) {
  return TcpSymbol(service, name);
}
absl::StatusOr<EndpointAddress> PlanBackend::Reserve(absl::string_view service,
                                                     absl::string_view name) {
  return TcpSymbol(service, name);
}
absl::StatusOr<EndpointAddress> PlanBackend::ListenUnix(
    absl::string_view service, absl::string_view name) {
  return UnixSymbol(service, name);
}
absl::StatusOr<EndpointAddress> PlanBackend::SocketPath(
    absl::string_view service, absl::string_view name, absl::string_view) {
  return UnixSymbol(service, name);
}

void PlanBackend::Report(Event event) {
  loop_.Post([this, event = std::move(event)] { handler_(event); });
}

void PlanBackend::End(ServiceId id, Generation generation, ExitResult result) {
  Report(Exited{.id = id, .generation = generation, .result = result});
  Report(Drained{.id = id, .generation = generation});
}

void PlanBackend::Carry(const Spawn& order) {
  Report(Spawned{.id = order.id, .generation = order.generation, .pid = 0});
  if (definitions_[Index(order.id)]->command.readiness.kind() ==
      Readiness::Kind::kCompleted) {
    End(order.id, order.generation, ExitResult::Exited(0));
  }
}

void PlanBackend::Carry(const Stop& order) {
  End(order.id, order.generation, ExitResult::Signaled(order.signal));
}
void PlanBackend::Carry(const Kill& order) {
  End(order.id, order.generation, ExitResult::Signaled(SIGKILL));
}

void PlanBackend::Carry(const StartProbe& order) {
  Report(BecameReady{.id = order.id, .generation = order.generation});
}

std::string PlanBackend::Show(const Text& text) const {
  std::string shown;
  for (const Text::Part& part : text.parts()) {
    switch (part.kind) {
      case Text::Part::kLiteral:
      case Text::Part::kEndpoint:
        shown += part.value;
        break;
      case Text::Part::kDataPath:
      case Text::Part::kRuntimePath:
      case Text::Part::kCachePath:
        absl::StrAppend(&shown, RootSymbol(part.kind), "/", part.service.get());
        if (!part.value.empty()) absl::StrAppend(&shown, "/", part.value);
        break;
      case Text::Part::kSecret:
        shown += SecretLabel(part.service.get(), part.value);
        break;
      case Text::Part::kSecretFile:
        absl::StrAppend(&shown, "{secrets}/", part.service.get(),
                        part.service.empty() ? "" : ".", part.value);
        break;
    }
  }
  return shown;
}

}  // namespace espalier
