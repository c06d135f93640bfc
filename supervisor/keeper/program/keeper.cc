#include "supervisor/keeper/program/keeper.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "supervisor/keeper/program/clock.h"
#include "supervisor/keeper/program/descriptor_table.h"
#include "supervisor/keeper/program/end_descendants.h"
#include "supervisor/keeper/program/process_scan.h"
#include "supervisor/keeper/program/small_text.h"

namespace espalier::keeper {
namespace {

constexpr int kEventsPerTurn = 128;
// Spawns take most of the time; between batches of them, exits and exec reports
// get their turn.
constexpr int kRequestsPerTurn = 32;
// The pump's own limit, and more: what does not even answer by then hangs in a
// file system.
constexpr uint64_t kLogFinishedWithinNs = 2 * LogPump::kFinishWithinNs;
constexpr int kIdBits = 24;
static_assert(kMaxId < (1u << kIdBits));

uint64_t ToNs(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000u +
         static_cast<uint64_t>(time.tv_usec) * 1'000u;
}

std::string RandomToken() {
  std::array<unsigned char, 16> bytes = {};
  if (getrandom(bytes.data(), bytes.size(), 0) != bytes.size()) return "";
  std::string token;
  for (unsigned char byte : bytes) {
    token += "0123456789abcdef"[byte >> 4];
    token += "0123456789abcdef"[byte & 15];
  }
  return token;
}

}  // namespace

Keeper::Keeper(KeeperSettings settings, OrphanWatch* orphans)
    : orphans_(orphans),
      forced_rung_(settings.forced_rung),
      connection_(std::move(settings.socket)),
      environment_(std::move(settings.environment_pidfd)) {}

int Keeper::Run() {
  if (!Start()) return 1;
  while (!ending_) Turn();
  const bool orderly = !connection_.broken();
  connection_.Flush();
  EndAllDescendants();
  logs_.FinishAll();
  // Directories of cgroups can only be removed now.
  killer_.reset();
  return orderly ? 0 : 1;
}

bool Keeper::Start() {
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  signals_.Reset(signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  marker_.emplace(RandomToken());
  childs_files_ = RaiseDescriptorLimit();
  GrowDescriptorTable();
  if (!signals_ || marker_->token().empty()) return false;
  socket_interest_ = EPOLLIN;
  if (!poller_.Add(connection_.fd(), Source::kSocket, 0) ||
      !poller_.Add(environment_.get(), Source::kEnvironment, 0) ||
      !poller_.Add(signals_.get(), Source::kSignals, 0)) {
    return false;
  }
  HelloEvent hello;
  killer_ =
      MakeTreeKiller(forced_rung_, *marker_, &poller_, orphans_, &hello.note);
  if (killer_ == nullptr) return false;
  hello.keeper_pid = getpid();
  hello.rung = killer_->rung();
  hello.token = marker_->token();
  connection_.Send(hello);
  return connection_.Flush();
}

void Keeper::Turn() {
  std::array<epoll_event, kEventsPerTurn> buffer;
  const int timeout =
      connection_.may_have_more() ? 0 : deadlines_.TimeoutMs(NowNs());
  for (const epoll_event& event : poller_.Wait(buffer, timeout)) {
    HandleEvent(Poller::Decode(event));
  }
  HandleRequests();
  HandleDeadlines();
  Sweep();
  if (!connection_.Flush() || connection_.broken()) ending_ = true;
  // Now that all who wait have been told.
  if (std::exchange(children_died_, false)) orphans_->Reap();
  Retire();
  UpdateSocketInterest();
  GiveMemoryBack();
}

void Keeper::HandleEvent(const PollEvent& event) {
  switch (event.source) {
    case Source::kSocket:
      if ((event.ready & ~EPOLLOUT) != 0 && !connection_.Read()) ending_ = true;
      return;
    case Source::kEnvironment:
      ending_ = true;
      return;
    case Source::kSignals:
      HandleSignals();
      return;
    case Source::kTree:
      if (const auto id = killer_->OnEvent(event.key)) NeedsSweep(*id);
      return;
    case Source::kLogs:
      OnLogNews();
      return;
    case Source::kNotify:
      HandleNotifications();
      return;
    case Source::kMainProcess:
    case Source::kExecReport:
    case Source::kReadiness:
      break;
  }
  const uint32_t id = event.key & ((1u << kIdBits) - 1);
  if (id >= slots_.size()) return;
  Slot& slot = slots_[id];
  if (slot.state == State::kFree || event.key != KeyOf(id, slot)) return;
  if (event.source == Source::kMainProcess) OnMainProcess(id, slot);
  if (event.source == Source::kExecReport) OnExecReport(id, slot);
  if (event.source == Source::kReadiness) OnReadiness(id, slot);
}

void Keeper::HandleRequests() {
  for (int i = 0; i < kRequestsPerTurn && connection_.may_have_more(); ++i) {
    auto received = connection_.Next();
    if (!received.has_value()) break;
    std::visit(
        [&](auto& request) {
          using T = std::decay_t<decltype(request)>;
          if constexpr (std::is_same_v<T, ShutdownRequest>) {
            ending_ = true;
          } else if constexpr (std::is_same_v<T, SpawnRequest>) {
            Handle(request, *received);
          } else {
            Handle(request);
          }
        },
        received->request);
  }
}

void Keeper::HandleSignals() {
  // As many as there can be: each of the two is pending once.
  std::array<signalfd_siginfo, 2> news = {};
  if (read(signals_.get(), news.data(), sizeof news) <= 0) return;
  for (const signalfd_siginfo& info : news) {
    // From the guard's death (PR_SET_PDEATHSIG), or from somebody who means it.
    if (info.ssi_signo == SIGTERM) ending_ = true;
    if (info.ssi_signo == SIGCHLD) children_died_ = true;
  }
  for (uint32_t id : std::exchange(unwatched_, {})) {
    slots_[id].unwatched = false;
    NeedsSweep(id);
  }
}

void Keeper::HandleDeadlines() {
  const uint64_t now = NowNs();
  while (const auto due = deadlines_.TakeDue(now)) {
    Slot* slot = Find(due->id, due->generation);
    if (slot == nullptr) continue;
    switch (due->kind) {
      case DeadlineKind::kStop:
        NeedsSweep(due->id);
        break;
      case DeadlineKind::kWatchdog:
        CheckWatchdog(due->id, *slot);
        break;
      case DeadlineKind::kLogFinished:
        GiveLogUp(due->id, *slot);
        break;
    }
  }
}

Keeper::Slot* Keeper::Find(uint32_t id, uint64_t generation) {
  if (id >= slots_.size()) return nullptr;
  Slot& slot = slots_[id];
  const bool same = slot.state != State::kFree && slot.generation == generation;
  return same ? &slot : nullptr;
}

void Keeper::FailSpawn(uint32_t id, uint64_t generation, SpawnStage stage,
                       int error) {
  connection_.Send(SpawnFailedEvent{
      .id = id, .generation = generation, .stage = stage, .error = error});
}

void Keeper::Handle(SpawnRequest& request, Connection::Received& received) {
  const uint32_t id = request.id;
  const uint64_t generation = request.generation;
  if (id > kMaxId || request.argv.empty()) {
    return FailSpawn(id, generation, SpawnStage::kRequest, EINVAL);
  }
  if (received.descriptors_lost) {
    return FailSpawn(id, generation, SpawnStage::kDescriptors, EMFILE);
  }
  if (id >= slots_.size()) slots_.resize(id + 1);
  Slot& slot = slots_[id];
  if (slot.state != State::kFree) {
    return FailSpawn(id, generation, SpawnStage::kRequest, EEXIST);
  }
  if (request.strict_log.has_value() && !logs_.started() &&
      !(logs_.Start() && poller_.Add(logs_.fd(), Source::kLogs, 0))) {
    return FailSpawn(id, generation, SpawnStage::kOpenLog, errno);
  }
  if (request.notify.has_value() && !OpenNotifySocket()) {
    return FailSpawn(id, generation, SpawnStage::kPipe, errno);
  }
  int cgroup_fd = -1;
  const char* limits_note = nullptr;
  if (!killer_->Prepare(request, &cgroup_fd, &limits_note)) {
    return FailSpawn(id, generation, SpawnStage::kCgroup, errno);
  }
  if (limits_note != nullptr && !std::exchange(told_limits_, true)) {
    connection_.Send(NoteEvent{.text = limits_note});
  }
  if (childs_files_.has_value()) {
    request.limits.insert(request.limits.begin(), *childs_files_);
  }
  if (const auto limit = marker_->Limit(id, generation)) {
    request.limits.push_back(*limit);
  }
  slot.notify = request.notify.has_value();
  slot.watchdog_ns = slot.notify ? request.notify->watchdog_ns : 0;
  slot.uid = request.credentials ? request.credentials->uid : geteuid();
  const bool changes_user = request.credentials.has_value();
  auto job = std::make_unique<SpawnJob>(
      std::move(request), std::move(received.descriptors), &stacks_,
      share_descriptors_, notify_.address());
  SpawnJob::Result result = job->Start(
      marker_->EnvironmentEntry(id, generation), getpid(), cgroup_fd);
  if (result.pid == 0) {
    killer_->Abandoned(id, generation);
    return FailSpawn(id, generation, result.stage, result.error);
  }
  if (result.clone_denied && !std::exchange(told_clone_denied_, true)) {
    connection_.Send(NoteEvent{
        .text = "clone3 is denied here: a service enters its cgroup by itself, "
                "which takes the kernel some milliseconds each time"});
  }
  // A child that changes its user makes the memory it shares with us
  // undumpable, and our files in /proc root's.
  if (changes_user) prctl(PR_SET_DUMPABLE, 1);
  slot.generation = generation;
  slot.readiness = job->TakeReadiness();
  slot.job = std::move(job);
  ++spawning_;
  ++spawned_;
  slot.pidfd = std::move(result.pidfd);
  slot.pid = result.pid;
  slot.error = 0;
  slot.stopped = slot.killed = slot.ready = slot.frozen = false;
  slot.state = State::kSpawning;
  killer_->MainStarted(id, slot.pid);
  Watch(id, slot);
}

void Keeper::Watch(uint32_t id, Slot& slot) {
  const uint64_t key = KeyOf(id, slot);
  bool watched = WatchMainProcess(slot.pidfd.get(), key);
  watched &= poller_.Add(slot.job->report(), Source::kExecReport, key, EPOLLET);
  if (slot.readiness) {
    watched &= poller_.Add(slot.readiness.get(), Source::kReadiness, key);
  }
  if (watched) return;
  // Out of watches or memory. What cannot be watched must not run.
  const int error = errno;
  SignalPidfd(slot.pidfd.get(), SIGKILL);
  siginfo_t info = {};
  waitid(P_PID, static_cast<id_t>(slot.pid), &info, WEXITED);
  slot.stage = SpawnStage::kClone;
  slot.error = error;
  ReportExit(id, slot, info, {});
}

// Once for each change: what is dead and traced stays readable, and is nobody's
// to reap before its tracer has let go, which is a change.
bool Keeper::WatchMainProcess(int pidfd, uint64_t key) {
  return poller_.Add(pidfd, Source::kMainProcess, key, EPOLLIN | EPOLLET);
}

bool Keeper::OpenNotifySocket() {
  if (notify_.fd() >= 0) return true;
  return notify_.Open(marker_->token()) &&
         poller_.Add(notify_.fd(), Source::kNotify, 0);
}

void Keeper::Handle(const StopRequest& request) {
  Slot* slot = Find(request.id, request.generation);
  if (slot == nullptr) return;
  Thaw(request.id, *slot);
  slot->stopped = true;
  if (request.signal > 0 && slot->pidfd) {
    SignalPidfd(slot->pidfd.get(), request.signal);
    // What somebody has stopped does nothing about a signal before it goes on.
    SignalPidfd(slot->pidfd.get(), SIGCONT);
  }
  const uint64_t now = NowNs();
  if (request.grace_ns == 0) {
    NeedsSweep(request.id);
  } else if (request.grace_ns < UINT64_MAX - now) {
    deadlines_.Add({.at_ns = now + request.grace_ns,
                    .id = request.id,
                    .generation = request.generation});
  }
}

void Keeper::Handle(const KillRequest& request) {
  Slot* slot = Find(request.id, request.generation);
  if (slot == nullptr) return;
  slot->killed = true;
  NeedsSweep(request.id);
}

void Keeper::Handle(const FreezeRequest& request) {
  Slot* slot = Find(request.id, request.generation);
  if (slot == nullptr || slot->state != State::kRunning) return;
  if (!request.frozen) return Thaw(request.id, *slot);
  if (std::exchange(slot->frozen, true)) return;
  killer_->Freeze(request.id, slot->generation, slot->pid, true);
}

void Keeper::Thaw(uint32_t id, Slot& slot) {
  if (!std::exchange(slot.frozen, false)) return;
  killer_->Freeze(id, slot.generation, slot.pid, false);
  slot.alive_at_ns = NowNs();
}

void Keeper::Handle(const SignalRequest& request) {
  Slot* slot = Find(request.id, request.generation);
  if (slot != nullptr && slot->pidfd) {
    SignalPidfd(slot->pidfd.get(), request.signal);
  }
}

void Keeper::OnExecReport(uint32_t id, Slot& slot) {
  if (slot.job != nullptr && slot.job->HasExecuted()) Executed(id, slot);
}

void Keeper::Executed(uint32_t id, Slot& slot) {
  poller_.Forget(slot.job->report());
  if (auto log = slot.job->TakeLog()) {
    logs_.Add(id, slot.generation, *std::move(log));
    slot.piped = true;
  }
  EndSpawn(slot);
  slot.state = State::kRunning;
  connection_.Send(
      SpawnedEvent{.id = id, .generation = slot.generation, .pid = slot.pid});
}

void Keeper::EndSpawn(Slot& slot) {
  if (slot.job == nullptr) return;
  slot.job.reset();
  --spawning_;
}

void Keeper::GiveMemoryBack() {
  constexpr size_t kMany = 64;
  if (spawning_ > 0 || spawned_ < kMany) return;
  spawned_ = 0;
  malloc_trim(0);
}

void Keeper::OnReadiness(uint32_t id, Slot& slot) {
  char buffer[512];
  const ssize_t n = read(slot.readiness.get(), buffer, sizeof buffer);
  if (n < 0) return;
  // What writes there has been executed, which is told first.
  if (n > 0 && slot.state == State::kSpawning) Executed(id, slot);
  if (std::find(buffer, buffer + n, '\n') != buffer + n) {
    connection_.Send(ReadyEvent{.id = id, .generation = slot.generation});
    poller_.Close(&slot.readiness);
  } else if (n == 0) {
    poller_.Close(&slot.readiness);
  }
}

void Keeper::OnMainProcess(uint32_t id, Slot& slot) {
  if (!slot.pidfd) return;
  TellIfDead(slot);
  // Always without waiting: readiness may be spurious.
  siginfo_t info = {};
  rusage usage = {};
  if (syscall(SYS_waitid, P_PIDFD, slot.pidfd.get(), &info, WEXITED | WNOHANG,
              &usage) != 0 ||
      info.si_pid == 0) {
    return;
  }
  // What it has said before it ended counts still.
  if (slot.notify) HandleNotifications();
  if (HandOver(id, slot, info)) return;
  // Its pipes are closed by now; their last words come before its end.
  if (slot.job != nullptr) {
    slot.job->CloseChildsEnds();
    if (const auto failure = slot.job->Failure()) {
      slot.stage = failure->stage;
      slot.error = failure->error;
    } else {
      Executed(id, slot);
    }
  }
  if (slot.readiness) OnReadiness(id, slot);
  ReportExit(id, slot, info, usage);
}

// Before it is reaped. An heir is left alone.
void Keeper::TellIfDead(const Slot& slot) {
  siginfo_t info = {};
  const bool dead = killer_->rung() == TreeRung::kMarker && !slot.heir &&
                    waitid(P_PIDFD, static_cast<id_t>(slot.pidfd.get()), &info,
                           WEXITED | WNOHANG | WNOWAIT) == 0 &&
                    info.si_pid != 0;
  if (dead) killer_->MainDead(slot.pid);
}

void Keeper::ReportExit(uint32_t id, Slot& slot, const siginfo_t& info,
                        const rusage& usage) {
  poller_.Close(&slot.pidfd);
  poller_.Close(&slot.readiness);
  killer_->MainEnded(slot.pid);
  orphans_->Release(slot.pid);
  ForgetHeir(slot);
  if (slot.error != 0) {
    if (slot.job != nullptr) poller_.Forget(slot.job->report());
    EndSpawn(slot);
    slot.state = State::kFree;
    killer_->Abandoned(id, slot.generation);
    return FailSpawn(id, slot.generation, slot.stage, slot.error);
  }
  slot.state = State::kDraining;
  connection_.Send(ExitedEvent{
      .id = id,
      .generation = slot.generation,
      .code = info.si_code,
      .status = info.si_status,
      .oom_killed = OomKilled(id, slot, info),
      .user_ns = ToNs(usage.ru_utime),
      .system_ns = ToNs(usage.ru_stime),
      .max_rss_kib = static_cast<uint64_t>(usage.ru_maxrss),
  });
  NeedsSweep(id);
}

// By the limit of the service's cgroup; or, if its death looks like that, by
// one around all of us. Of that the kernel does not tell whom it hit.
bool Keeper::OomKilled(uint32_t id, const Slot& slot, const siginfo_t& info) {
  if (killer_->OomKilled(id, slot.generation)) return true;
  const bool killed = info.si_code == CLD_KILLED && info.si_status == SIGKILL;
  return killed && own_oom_kills_.Any() && !slot.stopped && !slot.killed;
}

void Keeper::OnLogNews() {
  for (const LogNews& news : logs_.TakeNews()) {
    if (news.lost_bytes > 0 || !news.finished) {
      connection_.Send(LogLossEvent{.id = news.id,
                                    .generation = news.generation,
                                    .error = news.error,
                                    .lost_bytes = news.lost_bytes,
                                    .lost_lines = news.lost_lines});
    }
    // Of a run that has been given up it comes late.
    Slot* slot = Find(news.id, news.generation);
    if (!news.finished || slot == nullptr) continue;
    slot->piped = false;
    if (slot->state == State::kLogDraining) Drained(news.id);
  }
}

// A disk that hangs holds up the pump, and with it every strict log; but not
// the next run.
void Keeper::GiveLogUp(uint32_t id, Slot& slot) {
  if (slot.state != State::kLogDraining) return;
  slot.piped = false;
  connection_.Send(LogLossEvent{
      .id = id, .generation = slot.generation, .error = ETIMEDOUT});
  Drained(id);
}

void Keeper::Drained(uint32_t id) {
  slots_[id].state = State::kFree;
  if (slots_[id].stopped) retired_.push_back(id);
  connection_.Send(DrainedEvent{.id = id, .generation = slots_[id].generation});
}

void Keeper::Retire() {
  for (uint32_t id : std::exchange(retired_, {})) {
    if (slots_[id].state == State::kFree) killer_->Retire(id);
  }
}

bool Keeper::HasTree(const Slot& slot) {
  return slot.state != State::kFree && slot.state != State::kLogDraining;
}

void Keeper::NeedsSweep(uint32_t id) {
  if (slots_[id].attention || !HasTree(slots_[id])) return;
  slots_[id].attention = true;
  attention_.push_back(id);
}

void Keeper::Sweep() {
  if (attention_.empty()) return;
  std::sort(attention_.begin(), attention_.end());
  std::vector<Tree> trees;
  for (uint32_t id : std::exchange(attention_, {})) {
    Slot& slot = slots_[id];
    slot.attention = false;
    if (!HasTree(slot)) continue;
    trees.push_back({.id = id,
                     .generation = slot.generation,
                     .main_pid = slot.pid,
                     .main_pidfd = slot.pidfd.get(),
                     .stopped = slot.stopped});
  }
  killer_->Sweep(trees);
  for (const Tree& tree : trees) {
    Slot& slot = slots_[tree.id];
    // The next run may get the same cgroup.
    if (tree.empty) Thaw(tree.id, slot);
    if (tree.empty && slot.piped) {
      slot.state = State::kLogDraining;
      logs_.Finish(tree.id);
      deadlines_.Add({.at_ns = NowNs() + kLogFinishedWithinNs,
                      .id = tree.id,
                      .generation = slot.generation,
                      .kind = DeadlineKind::kLogFinished});
    } else if (tree.empty) {
      Drained(tree.id);
    } else if (tree.unwatched && !slot.unwatched) {
      slot.unwatched = true;
      unwatched_.push_back(tree.id);
    }
  }
}

uint64_t Keeper::KeyOf(uint32_t id, const Slot& slot) const {
  // With a part of the generation, so that a stale event is not taken for the
  // present one's.
  return (slot.generation << kIdBits | id) & ((uint64_t{1} << 56) - 1);
}

void Keeper::UpdateSocketInterest() {
  const uint32_t wanted = connection_.interest();
  if (std::exchange(socket_interest_, wanted) != wanted) {
    poller_.Change(connection_.fd(), Source::kSocket, 0, wanted);
  }
}

}  // namespace espalier::keeper
