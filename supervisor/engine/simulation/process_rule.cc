#include "supervisor/engine/simulation/process_rule.h"

namespace espalier::simulation {

ProcessRule::Run* ProcessRule::Current(ServiceId id, Generation generation) {
  Run& run = runs_[Index(id)];
  return run.lives && run.generation == generation ? &run : nullptr;
}

void ProcessRule::Before(const Event& event) {
  if (const auto* news = std::get_if<Spawned>(&event)) {
    Run* run = Current(news->id, news->generation);
    if (run != nullptr && !run->exited) run->pid = news->pid;
  } else if (const auto* news = std::get_if<SpawnFailed>(&event)) {
    Run* run = Current(news->id, news->generation);
    if (run != nullptr && run->pid == 0) run->lives = false;
  } else if (const auto* news = std::get_if<Exited>(&event)) {
    if (Run* run = Current(news->id, news->generation)) {
      run->exited = true;
      run->pid = 0;
      run->lives = !run->drained;
    }
  } else if (const auto* news = std::get_if<Drained>(&event)) {
    if (Run* run = Current(news->id, news->generation)) {
      run->drained = true;
      run->lives = !run->exited;
    }
  } else if (std::holds_alternative<KeeperLost>(event)) {
    for (Run& run : runs_) {
      run.lives = false;
      run.pid = 0;
    }
  }
}

void ProcessRule::See(const Action& action) {
  if (const auto* order = std::get_if<Spawn>(&action)) {
    See(*order);
  } else if (const auto* order = std::get_if<Stop>(&action)) {
    SeeEnd(order->id, order->generation);
  } else if (const auto* order = std::get_if<Kill>(&action)) {
    SeeEnd(order->id, order->generation);
  } else if (const auto* order = std::get_if<StartProbe>(&action)) {
    See(*order);
  } else if (const auto* order = std::get_if<StopProbe>(&action)) {
    See(*order);
  }
}

void ProcessRule::See(const Spawn& order) {
  Run& run = runs_[Index(order.id)];
  if (run.lives) Fail(order.id, "is spawned while a run of it lives");
  if (order.generation != run.generation + 1) {
    Fail(order.id, "its generations have a gap");
  }
  run = {.generation = order.generation, .lives = true};
}

void ProcessRule::SeeEnd(ServiceId id, Generation generation) {
  if (view_.Spec(id).external) Fail(id, "is external, and must not be ended");
  if (generation != runs_[Index(id)].generation) {
    Fail(id, "a run is ended that is not the latest");
  }
}

void ProcessRule::See(const StartProbe& order) {
  Run& run = runs_[Index(order.id)];
  if (view_.Spec(order.id).external) {
    if (order.generation != run.generation + 1) {
      Fail(order.id, "its generations have a gap");
    }
    run = {.generation = order.generation};
  }
  if (view_.Spec(order.id).one_shot) Fail(order.id, "a one-shot is probed");
  if (run.probed || order.generation != run.generation) {
    Fail(order.id, "is probed twice, or a run that is not the latest");
  }
  run.probed = true;
}

void ProcessRule::See(const StopProbe& order) {
  Run& run = runs_[Index(order.id)];
  if (!run.probed || order.generation != run.generation) {
    Fail(order.id, "a probe is stopped that was not started");
  }
  run.probed = false;
}

void ProcessRule::After() {
  for (size_t i = 0; i < runs_.size(); ++i) Look(View::Id(i), runs_[i]);
}

void ProcessRule::Look(ServiceId id, const Run& run) {
  const ServiceState state = view_.State(id);
  const bool up =
      state == ServiceState::kStarting || state == ServiceState::kReady;
  if (run.probed != (up && !view_.Spec(id).one_shot)) {
    Fail(id, "is probed exactly while it starts or is ready, or should be");
  }
  if (view_.Spec(id).external) return;
  if (run.lives != (IsRunning(state) || state == ServiceState::kStuck)) {
    Fail(id, "its state does not say whether something of it runs");
  }
  if (view_.engine.Pid(id) != run.pid) Fail(id, "its pid is wrong");
  if (view_.engine.CurrentGeneration(id) != run.generation) {
    Fail(id, "its generation is wrong");
  }
}

}  // namespace espalier::simulation
