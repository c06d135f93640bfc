#include "supervisor/engine/simulation/world.h"

#include <cerrno>
#include <csignal>

namespace espalier::simulation {
namespace {

// How long things take at most in a world without faults.
constexpr absl::Duration kLongestSpawn = absl::Milliseconds(5);
constexpr absl::Duration kLongestStart = absl::Milliseconds(200);
constexpr absl::Duration kLongestWork = absl::Milliseconds(500);
constexpr absl::Duration kLongestEnd = absl::Milliseconds(80);
constexpr absl::Duration kLongestDrain = absl::Milliseconds(5);
// And with them.
constexpr absl::Duration kLongestLinger = absl::Seconds(40);
constexpr absl::Duration kLongestPressure = absl::Seconds(60);

}  // namespace

World::World(uint64_t seed, const std::vector<ServiceSpec>& specs)
    : specs_(specs),
      dice_(seed * 2 + 1),
      processes_(specs.size()),
      armed_(specs.size()),
      generations_(specs.size()),
      probed_(specs.size()),
      told_(specs.size()) {}

absl::Duration World::UpTo(absl::Duration longest) {
  dice_ = dice_ * 6364136223846793005 + 1442695040888963407;
  return longest * (static_cast<double>(dice_ >> 40) / (1 << 24));
}

void World::Later(absl::Duration after, std::variant<News, Event> what) {
  coming_.emplace(std::pair(now_ + after, ++order_), std::move(what));
}

World::Process* World::Find(ServiceId id, Generation generation) {
  std::optional<Process>& process = processes_[Index(id)];
  if (!process.has_value() || process->generation != generation) return nullptr;
  return &*process;
}

bool World::IsArmed(ServiceId id, ActKind kind) {
  uint8_t& times = armed_[Index(id)][static_cast<size_t>(kind)];
  if (times == 0) return false;
  --times;
  Count(kind);
  return true;
}

absl::Time World::Next() const {
  return coming_.empty() ? absl::InfiniteFuture()
                         : coming_.begin()->first.first;
}

// --- Orders

void World::Carry(const Action& action, absl::Time now) {
  now_ = now;
  std::visit([this](const auto& one) { On(one); }, action);
}

void World::On(const Spawn& order) {
  Process& process = processes_[Index(order.id)].emplace();
  process.id = order.id;
  process.generation = order.generation;
  generations_[Index(order.id)] = order.generation;
  if (IsArmed(order.id, ActKind::kSpawnFails)) {
    process.fails = true;
    return Later(UpTo(kLongestSpawn),
                 News{What::kSpawnFailed, order.id, order.generation, EAGAIN});
  }
  if (IsArmed(order.id, ActKind::kSpawnImpossible)) {
    process.fails = true;
    return Later(UpTo(kLongestSpawn),
                 News{What::kSpawnFailed, order.id, order.generation, ENOENT});
  }
  process.hangs = IsArmed(order.id, ActKind::kSpawnHangs);
  if (process.hangs) return;
  process.lingers = IsArmed(order.id, ActKind::kTreeLingers);
  process.tree_first = IsArmed(order.id, ActKind::kTreeFirst);
  const absl::Duration spawn = UpTo(kLongestSpawn);
  if (IsArmed(order.id, ActKind::kExitBeforeSpawned)) {
    Die(process, ExitResult::Exited(1), spawn / 2);
  }
  Later(spawn, News{What::kSpawned, order.id, order.generation});
  if (IsArmed(order.id, ActKind::kCrashAtStart)) {
    Die(process, ExitResult::Signaled(SIGSEGV), spawn + UpTo(kLongestSpawn));
  } else if (specs_[Index(order.id)].one_shot &&
             !IsArmed(order.id, ActKind::kNeverReady)) {
    Die(process, ExitResult::Exited(0), spawn + UpTo(kLongestWork));
  }
}

void World::On(const StartProbe& order) {
  if (specs_[Index(order.id)].external) {
    generations_[Index(order.id)] = order.generation;
    probed_[Index(order.id)] = true;
  }
  if (Process* process = Find(order.id, order.generation)) {
    process->probed = true;
  }
  if (IsArmed(order.id, ActKind::kNeverReady)) {
    return Later(UpTo(kLongestStart),
                 ProbeFailed{order.id, order.generation, "connection refused"});
  }
  Later(UpTo(kLongestStart), News{What::kReady, order.id, order.generation});
}

void World::On(const StopProbe& order) {
  probed_[Index(order.id)] = false;
  if (Process* process = Find(order.id, order.generation)) {
    process->probed = false;
  }
}

void World::On(const Stop& order) {
  Process* process = Find(order.id, order.generation);
  if (process == nullptr || process->hangs || process->fails) return;
  if (process->exited || IsArmed(order.id, ActKind::kIgnoresStop)) return;
  Die(*process, ExitResult::Signaled(order.signal), UpTo(kLongestEnd));
}

void World::On(const Kill& order) {
  Process* process = Find(order.id, order.generation);
  if (process == nullptr || process->fails) return;
  const bool first = !process->killed;
  process->killed = true;
  absl::Duration patience = UpTo(kLongestDrain);
  if (first && IsArmed(order.id, ActKind::kSurvivesKill)) {
    patience += UpTo(kLongestLinger);
  }
  if (!process->exited) {
    // What hangs in its spawn has no program yet, but can be killed.
    Die(*process, ExitResult::Signaled(SIGKILL), patience);
  } else if (first && !process->drained) {
    if (process->lingers) patience += UpTo(kLongestLinger);
    Later(patience, News{What::kDrain, order.id, order.generation});
  }
}

void World::Die(Process& process, ExitResult result, absl::Duration after) {
  process.dying = true;
  process.result = result;
  Later(after, News{What::kExit, process.id, process.generation});
}

// --- What comes of it

std::optional<Event> World::Take() {
  const auto first = coming_.begin();
  now_ = first->first.first;
  std::variant<News, Event> what = std::move(first->second);
  coming_.erase(first);
  if (Event* event = std::get_if<Event>(&what)) {
    if (const auto* probe = std::get_if<ProbeFailed>(event)) {
      told_[Index(probe->id)].push_back(*event);
    } else if (const auto* probe = std::get_if<ProbePassed>(event)) {
      told_[Index(probe->id)].push_back(*event);
    }
    return std::move(*event);
  }
  const News& news = std::get<News>(what);
  std::optional<Event> event;
  if (Process* process = Find(news.id, news.generation)) {
    event = Report(*process, news);
  } else if (news.what == What::kReady && probed_[Index(news.id)] &&
             generations_[Index(news.id)] == news.generation) {
    event = BecameReady{news.id, news.generation};
  }
  if (event.has_value()) {
    std::vector<Event>& told = told_[Index(news.id)];
    if (news.what == What::kSpawned || news.what == What::kSpawnFailed) {
      told.clear();
    }
    told.push_back(*event);
  }
  return event;
}

std::optional<Event> World::Report(Process& process, const News& news) {
  switch (news.what) {
    case What::kSpawned:
      if (process.drained && process.exited) return std::nullopt;
      process.spawned = true;
      process.hangs = false;
      return Spawned{news.id, news.generation,
                     1000 + static_cast<int>(Index(news.id))};
    case What::kSpawnFailed:
      processes_[Index(news.id)].reset();
      return SpawnFailed{news.id, news.generation, news.error, "execute"};
    case What::kReady:
      if (!process.probed || process.exited || process.ready) {
        return std::nullopt;
      }
      process.ready = true;
      return BecameReady{news.id, news.generation};
    case What::kExit:
      return ReportExit(process);
    case What::kDrain:
      return ReportDrain(process);
  }
  return std::nullopt;
}

std::optional<Event> World::ReportExit(Process& process) {
  if (process.exited) return std::nullopt;
  const News drain{What::kDrain, process.id, process.generation};
  if (process.tree_first && !process.drained && !process.lingers) {
    Later(UpTo(kLongestDrain),
          News{What::kExit, process.id, process.generation});
    return ReportDrain(process);
  }
  process.exited = true;
  const Exited exited{process.id, process.generation, process.result};
  if (process.drained) {
    processes_[Index(process.id)].reset();
  } else if (!process.lingers) {
    Later(UpTo(kLongestDrain), drain);
  } else if (process.killed) {
    Later(UpTo(kLongestLinger), drain);
  }
  return exited;
}

std::optional<Event> World::ReportDrain(Process& process) {
  if (process.drained) return std::nullopt;
  process.drained = true;
  const Drained drained{process.id, process.generation};
  if (process.exited) processes_[Index(process.id)].reset();
  return drained;
}

// --- Faults

void World::Inject(const Act& act, absl::Time now) {
  now_ = now;
  if (WaitsForItsOccasion(act.kind)) {
    uint8_t& times = armed_[Index(act.service)][static_cast<size_t>(act.kind)];
    const bool often =
        act.kind == ActKind::kSpawnFails || act.kind == ActKind::kCrashAtStart;
    times = often ? 1 + act.number % 4 : 1;
  } else if (Now(act)) {
    Count(act.kind);
  }
}

bool World::Now(const Act& act) {
  switch (act.kind) {
    case ActKind::kCrash:
      return End(act.service, act.number % 2 == 0
                                  ? ExitResult::Exited(1 + act.number % 100)
                                  : ExitResult::Signaled(SIGSEGV, true));
    case ActKind::kCleanExit:
      return End(act.service, ExitResult::Exited(0));
    case ActKind::kPermanentExit:
      return End(act.service, ExitResult::Exited(125));
    case ActKind::kOomKill:
      return End(act.service, ExitResult::OomKilled(SIGKILL));
    case ActKind::kManyDie:
      return ManyDie(act);
    case ActKind::kProbesFail:
      return FailProbes(act);
    case ActKind::kStaleNews:
      return TellOldNews(act);
    case ActKind::kDuplicateNews:
      return RepeatNews(act);
    case ActKind::kPressure:
      Later(absl::ZeroDuration(), PressureChanged{0.9});
      Later(UpTo(kLongestPressure), PressureChanged{0.7});
      Later(kLongestPressure, PressureChanged{0.1});
      return true;
    default:
      return false;
  }
}

// At once, without a Stop or a Kill.
bool World::End(ServiceId id, ExitResult result) {
  std::optional<Process>& process = processes_[Index(id)];
  if (!process.has_value() || !process->spawned || process->exited) {
    return false;
  }
  Die(*process, result, absl::ZeroDuration());
  return true;
}

bool World::ManyDie(const Act& act) {
  int ended = 0;
  for (size_t i = 0; i < processes_.size() && ended < 10; ++i) {
    const size_t at = (act.number + i) % processes_.size();
    ended += End(ServiceId{static_cast<uint32_t>(at)}, ExitResult::Exited(1));
  }
  return ended > 1;
}

bool World::FailProbes(const Act& act) {
  const std::optional<Process>& process = processes_[Index(act.service)];
  const bool probed = process.has_value() ? process->probed && process->ready
                                          : probed_[Index(act.service)];
  if (!probed) return false;
  const Generation generation = generations_[Index(act.service)];
  const int failures = 1 + act.number % 4;
  for (int i = 0; i < failures; ++i) {
    Later(absl::Milliseconds(i),
          ProbeFailed{act.service, generation, "no answer"});
  }
  if (act.number % 8 < 4) {
    for (const int longest_ms : {300, 16'000, 60'000}) {
      Later(absl::Milliseconds(act.number / 8 % longest_ms),
            ProbePassed{act.service, generation});
    }
  }
  return true;
}

bool World::RepeatNews(const Act& act) {
  const std::vector<Event>& told = told_[Index(act.service)];
  if (told.empty()) return false;
  // Soon, in a pause before the next run, and when the run has long been given
  // up.
  for (const int longest_ms : {100, 1000, 30'000}) {
    Later(absl::Milliseconds(act.number / 3 % longest_ms),
          told[act.number / 7 % told.size()]);
  }
  return true;
}

bool World::TellOldNews(const Act& act) {
  const Generation generation = generations_[Index(act.service)];
  if (generation < 2) return false;
  const Generation old = generation - 1;
  const ServiceId id = act.service;
  const std::array<Event, 7> all = {
      Event(Spawned{id, old, 1}),
      Event(SpawnFailed{id, old, ENOENT, "stale"}),
      Event(BecameReady{id, old}),
      Event(ProbeFailed{id, old, "stale"}),
      Event(ProbePassed{id, old}),
      Event(Exited{id, old, ExitResult::Exited(125)}),
      Event(Drained{id, old})};
  Later(absl::ZeroDuration(), all[act.number % all.size()]);
  return true;
}

void World::Heal(absl::Time now) {
  now_ = now;
  for (auto& armed : armed_) armed = {};
  Later(absl::ZeroDuration(), PressureChanged{0});
  for (size_t i = 0; i < processes_.size(); ++i) {
    const ServiceId id{static_cast<uint32_t>(i)};
    std::optional<Process>& process = processes_[i];
    if (!process.has_value()) {
      if (probed_[i]) {
        Later(UpTo(kLongestStart), News{What::kReady, id, generations_[i]});
      }
      continue;
    }
    const auto news = [&](What what) {
      return News{what, id, process->generation};
    };
    process->lingers = false;
    if (process->exited) {
      Later(UpTo(kLongestDrain), news(What::kDrain));
    } else if (process->killed) {
      Later(UpTo(kLongestEnd), news(What::kExit));
    } else if (process->hangs) {
      Later(UpTo(kLongestSpawn), news(What::kSpawned));
    }
    if (process->probed) Later(UpTo(kLongestStart), news(What::kReady));
    if (specs_[i].one_shot && !process->dying && !process->fails) {
      Die(*process, ExitResult::Exited(0), UpTo(kLongestWork));
    }
  }
}

void World::Clear() {
  for (auto& process : processes_) process.reset();
  coming_.clear();
}

}  // namespace espalier::simulation
