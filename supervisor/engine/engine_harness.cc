#include "supervisor/engine/engine_harness.h"

namespace espalier {

ServiceId EngineHarness::Add(ServiceSpec spec) {
  if (spec.name.empty()) {
    spec.name =
        std::string(1, static_cast<char>('a' + engine_.service_count()));
  }
  spec.restart.jitter = 0;
  return engine_.AddService(std::move(spec)).value();
}

ServiceId EngineHarness::AddReady(ServiceSpec spec) {
  const ServiceId id = Add(std::move(spec));
  Start(id);
  ComeUp(id);
  Forget();
  return id;
}

GroupId EngineHarness::AddGroup(GroupSpec spec) {
  return engine_.AddGroup(std::move(spec)).value();
}

void EngineHarness::BringUp(const std::vector<ServiceId>& ids) {
  for (const ServiceId id : ids) Start(id);
  for (const ServiceId id : ids) ComeUp(id);
  Forget();
}

void EngineHarness::Send(const Event& event) {
  engine_.Step(event, now_, actions_);
}

void EngineHarness::Advance(absl::Duration by) {
  const absl::Time end = now_ + by;
  while (engine_.NextTimer() <= end) {
    now_ = engine_.NextTimer();
    Send(Tick{});
  }
  now_ = end;
}

void EngineHarness::TellSpawned(ServiceId id) {
  Send(Spawned{id, CurrentGeneration(id), 1000 + static_cast<int>(Index(id))});
}

void EngineHarness::TellSpawnFailed(ServiceId id, int error) {
  Send(SpawnFailed{id, CurrentGeneration(id), error, "execute /bin/x"});
}

void EngineHarness::TellReady(ServiceId id) {
  Send(BecameReady{id, CurrentGeneration(id)});
}

void EngineHarness::TellLivenessLost(ServiceId id,
                                     const std::string& complaint) {
  const Generation generation = CurrentGeneration(id);
  for (int i = 0; i < engine_.Spec(id).liveness_failures; ++i) {
    Send(ProbeFailed{id, generation, complaint});
  }
}

void EngineHarness::TellProbeFailed(ServiceId id, std::string complaint) {
  Send(ProbeFailed{id, CurrentGeneration(id), std::move(complaint)});
}

void EngineHarness::TellExited(ServiceId id, ExitResult result) {
  Send(Exited{id, CurrentGeneration(id), result});
}

void EngineHarness::TellDrained(ServiceId id) {
  Send(Drained{id, CurrentGeneration(id)});
}

void EngineHarness::ComeUp(ServiceId id) {
  TellSpawned(id);
  TellReady(id);
}

void EngineHarness::End(ServiceId id, ExitResult result) {
  const Generation generation = CurrentGeneration(id);
  Send(Exited{id, generation, result});
  Send(Drained{id, generation});
}

std::vector<ServiceState> EngineHarness::Path(ServiceId id) const {
  std::vector<ServiceState> path;
  for (const Changed& change : All<Changed>()) {
    if (change.id == id) path.push_back(change.to);
  }
  return path;
}

}  // namespace espalier
