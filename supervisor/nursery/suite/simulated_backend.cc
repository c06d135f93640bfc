#include "supervisor/nursery/suite/simulated_backend.h"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace espalier {

// A new one with every call, as on a real machine.
absl::StatusOr<EndpointAddress> SimulatedBackend::Listen(
    absl::string_view service, absl::string_view name) {
  return EndpointAddress{.service = std::string(service),
                         .name = std::string(name),
                         .host = "127.0.0.1",
                         .port = absl::StrCat(next_port_++)};
}

void SimulatedBackend::Define(const ServiceDefinition& definition) {
  if (Index(definition.id) == definitions_.size())
    definitions_.push_back(&definition);
}

void SimulatedBackend::Report(Event event) {
  loop_.Post([this, event = std::move(event)] { handler_(event); });
}

void SimulatedBackend::End(ServiceId id, Generation generation,
                           ExitResult result) {
  const auto found = running_.find(id);
  if (found == running_.end() || found->second != generation) return;
  running_.erase(found);
  Report(Exited{.id = id, .generation = generation, .result = result});
  // Its tree takes a little longer, as it does on a real machine: what dies at
  // the same time is heard of before.
  loop_.Post([this, id, generation] {
    Report(Drained{.id = id, .generation = generation});
  });
}

void SimulatedBackend::Signal(ServiceId id, int signal) {
  const auto found = running_.find(id);
  if (found != running_.end())
    End(id, found->second, ExitResult::Signaled(signal));
}

void SimulatedBackend::LoseKeeper() {
  running_.clear();
  Report(KeeperLost{});
}

void SimulatedBackend::Carry(const Spawn& order) {
  const Command& command = definitions_[Index(order.id)]->command;
  std::ifstream file(plan_.Show(command.arguments[0]));
  std::ostringstream script;
  script << file.rdbuf();
  scripts_[order.id] = script.str();
  running_[order.id] = order.generation;
  Report(Spawned{.id = order.id, .generation = order.generation, .pid = 1});
  int code = 0;
  if (std::sscanf(script.str().c_str(), "exit %d", &code) == 1)
    End(order.id, order.generation, ExitResult::Exited(code));
}

void SimulatedBackend::Carry(const Stop& order) {
  End(order.id, order.generation, ExitResult::Signaled(order.signal));
}

void SimulatedBackend::Carry(const Kill& order) {
  End(order.id, order.generation, ExitResult::Signaled(SIGKILL));
}

void SimulatedBackend::Carry(const StartProbe& order) {
  const std::string& script = scripts_[order.id];
  if (script == "hang") return;
  Report(BecameReady{.id = order.id, .generation = order.generation});
  int code = 0;
  if (std::sscanf(script.c_str(), "ready_exit %d", &code) == 1)
    End(order.id, order.generation, ExitResult::Exited(code));
}

}  // namespace espalier
