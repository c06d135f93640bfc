#include "supervisor/backend/local/local_backend.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "glog/logging.h"
#include "supervisor/logs/log_tail.h"

namespace espalier {
namespace {

// What may pass is worth another try; the rest is told as it is.
int ErrnoOf(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ? EAGAIN : 0;
}

bool HasSocketPath(const ServiceDefinition& definition) {
  return std::any_of(definition.endpoints.begin(), definition.endpoints.end(),
                     [](const Endpoint& it) {
                       return !EndpointAccess::Address(it).path.empty();
                     });
}

ExitResult ResultOf(const keeper::ExitedEvent& event) {
  if (event.code == CLD_EXITED) return ExitResult::Exited(event.status);
  if (event.oom_killed) return ExitResult::OomKilled(event.status);
  return ExitResult::Signaled(event.status, event.code == CLD_DUMPED);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalBackend>> LocalBackend::Create(
    Loop& loop, Options options) {
  absl::StatusOr<std::optional<ServiceUser>> user =
      ServiceUser::ForServices(options.user_for_root);
  if (!user.ok()) return user.status();
  const std::string data = options.paths.data_directory();
  if (user->has_value() && !CanReach(**user, data + "/service")) {
    return absl::PermissionDeniedError(absl::StrCat(
        "services run as the user ", (*user)->name, ", who cannot enter ", data,
        "; open the directories above it (chmod o+x), or choose another place "
        "with --data_dir=DIRECTORY or another user with --user=NAME"));
  }
  absl::StatusOr<std::unique_ptr<KeeperClient>> keeper =
      KeeperClient::Launch(options.keeper);
  if (!keeper.ok()) return keeper.status();
  return std::unique_ptr<LocalBackend>(new LocalBackend(
      loop, std::move(options), *std::move(user), *std::move(keeper)));
}

LocalBackend::LocalBackend(Loop& loop, Options options,
                           std::optional<ServiceUser> user,
                           std::unique_ptr<KeeperClient> keeper)
    : loop_(loop),
      files_(options.paths, user),
      addresses_(files_),
      requests_(files_, std::move(options.programs), user,
                options.paths.state_directory() + "/programs"),
      logs_(loop, options.paths.logs_directory()),
      keeper_(std::move(keeper)),
      self_(std::make_shared<LocalBackend*>(this)) {
  keeper_readable_ = loop_.OnReadable(keeper_->fd(), [this] { ReadKeeper(); });
  if (keeper_->hello().rung == keeper::TreeRung::kMarker) {
    notes_.push_back(absl::StrCat(
        "services run without a cgroup (", keeper_->hello().note,
        "): a process that leaves its service and removes every mark of it "
        "ends with the whole environment only, or not at all if all of that is "
        "killed in one instant"));
  }
}

LocalBackend::~LocalBackend() {
  // What they ask may be the keeper's to end.
  for (Record& record : records_) record.liveness.reset();
  // The watches go before the descriptors that they watch.
  keeper_readable_ = Loop::Watch();
  keeper_writable_ = Loop::Watch();
}

void LocalBackend::Report(Event event) {
  loop_.Post(
      [self = std::weak_ptr<LocalBackend*>(self_), event = std::move(event)] {
        if (auto alive = self.lock()) (*alive)->handler_(event);
      });
}

void LocalBackend::Define(const ServiceDefinition& definition) {
  const size_t index = Index(definition.id);
  CHECK_LE(index, records_.size());
  if (index == records_.size()) {
    records_.emplace_back().definition = &definition;
    records_.back().keeper_id =
        NewKeeperId({.record = index, .kind = Role::kService});
  }
  Record& record = records_[index];
  record.held = addresses_.Of(definition.path);
  // What there was for an earlier command stays: some of it may still be ended.
  if (definition.command.readiness.probe() != nullptr &&
      record.command_probe == nullptr) {
    record.probe_keeper_id =
        NewKeeperId({.record = index, .kind = Role::kProbe});
    MakeCommandProbe(record);
  }
  if (definition.command.reload && definition.command.reload->check &&
      record.reload_check == nullptr) {
    record.reload_keeper_id =
        NewKeeperId({.record = index, .kind = Role::kReloadCheck});
    MakeReloadCheck(record);
  }
}

uint32_t LocalBackend::NewKeeperId(Role role) {
  roles_.push_back(role);
  return static_cast<uint32_t>(roles_.size() - 1);
}

LogOfRun LocalBackend::Log(const ServiceDefinition& definition) const {
  if (definition.external) return {};
  return {.file = files_.LogFile(definition.path),
          .begin = records_[Index(definition.id)].log_begin};
}

void LocalBackend::Carry(const Spawn& order) {
  Record& record = records_[Index(order.id)];
  record.generation = order.generation;
  record.pid = 0;
  record.ready = false;
  record.remarks = {};
  record.log_begin =
      logs_.BeginRun(files_.LogFile(record.definition->path), order.generation);
  if (files_.IsCreated(record.definition->command)) {
    Report(Spawned{.id = order.id, .generation = order.generation, .pid = 0});
    Report(Exited{.id = order.id,
                  .generation = order.generation,
                  .result = ExitResult::Exited(0)});
    Report(Drained{.id = order.id, .generation = order.generation});
    return;
  }
  if (std::optional<SpawnProblem> problem = TrySpawn(record, order)) {
    Report(SpawnFailed{.id = order.id,
                       .generation = order.generation,
                       .error = problem->error,
                       .stage = problem->stage});
  }
}

std::optional<LocalBackend::SpawnProblem> LocalBackend::TrySpawn(
    const Record& record, const Spawn& order) {
  const Command& command = record.definition->command;
  absl::StatusOr<std::optional<ServiceUser>> user =
      requests_.UserOf(command.process);
  if (!user.ok())
    return SpawnProblem{ErrnoOf(user.status()),
                        std::string(user.status().message())};
  absl::StatusOr<keeper::SpawnRequest> request =
      requests_.ForService(*record.definition, *user);
  if (!request.ok())
    return SpawnProblem{ErrnoOf(request.status()),
                        std::string(request.status().message())};
  absl::Status prepared =
      files_.Prepare(record.definition->path, command, *user);
  if (prepared.ok() && HasSocketPath(*record.definition))
    prepared = files_.PrepareRuntime(record.definition->path, *user);
  if (!prepared.ok()) {
    return SpawnProblem{ErrnoOf(prepared), std::string(prepared.message())};
  }
  request->id = record.keeper_id;
  request->generation = order.generation;
  request->log_path = files_.LogFile(record.definition->path);
  request->strict_log = ServiceLogs::StrictRule(command.log);
  std::vector<int> listeners;
  if (record.held != nullptr) {
    for (const auto& [name, socket] : record.held->listeners) {
      if (command.process.nonblocking_listeners) socket.SetNonBlocking();
      request->listener_names.push_back(name);
      listeners.push_back(socket.fd());
    }
  }
  const absl::Status sent = keeper_->Spawn(*request, listeners);
  if (sent.ok()) return std::nullopt;
  return SpawnProblem{ErrnoOf(sent), std::string(sent.message())};
}

void LocalBackend::Carry(const Stop& order) {
  // The keeper thaws it.
  records_[Index(order.id)].remarks.frozen = false;
  keeper_->Stop(records_[Index(order.id)].keeper_id, order.generation,
                order.signal, order.grace);
}

void LocalBackend::Carry(const Kill& order) {
  keeper_->Kill(records_[Index(order.id)].keeper_id, order.generation);
}

void LocalBackend::MakeReloadCheck(Record& record) {
  record.reload_check = std::make_unique<ReloadCheck>(
      loop_,
      ReloadCheck::Hooks{
          .spawn =
              [this, &record](uint64_t run) {
                return SpawnAside(
                    record, *record.definition->command.reload->check,
                    record.reload_keeper_id, run, ReloadLog(record));
              },
          .kill =
              [this, &record](uint64_t run) {
                keeper_->Kill(record.reload_keeper_id, run);
                Flush();
              },
          .last_words = [this, &record]() -> std::string {
            absl::StatusOr<LogTail> tail = LogTail::Read(ReloadLog(record));
            return tail.ok()
                       ? files_.Redact(absl::StrJoin(tail->lines, "\n  | "))
                       : "";
          }});
}

void LocalBackend::Reload(ServiceId id,
                          std::function<void(absl::Status)> done) {
  const Record& record = records_[Index(id)];
  const Command& command = record.definition->command;
  const Generation generation = record.generation;
  const absl::StatusOr<std::optional<ServiceUser>> user =
      requests_.UserOf(command.process);
  const absl::Status written =
      user.ok() ? files_.Prepare(record.definition->path, command, *user)
                : user.status();
  if (!written.ok() || !command.reload->check) {
    const absl::Status status =
        written.ok() ? SignalReload(record, generation) : written;
    return loop_.Post([done = std::move(done), status] { done(status); });
  }
  record.reload_check->Run([this, &record, generation,
                            done = std::move(done)](const absl::Status& good) {
    done(good.ok() ? SignalReload(record, generation) : good);
  });
}

absl::Status LocalBackend::SignalReload(const Record& record,
                                        Generation generation) {
  if (record.generation != generation)
    return absl::UnavailableError(
        "it was restarted meanwhile, and has read its files anew");
  keeper_->Signal(record.keeper_id, generation,
                  record.definition->command.reload->signal);
  Flush();
  return absl::OkStatus();
}

void LocalBackend::Freeze(ServiceId id, bool frozen) {
  Record& record = records_[Index(id)];
  if (record.remarks.frozen == frozen) return;
  record.remarks.frozen = frozen;
  keeper_->Freeze(record.keeper_id, record.generation, frozen);
  Flush();
  if (frozen) {
    StopAsking(record);
  } else if (record.definition->command.liveness) {
    // Whatever it did not answer just before it was frozen.
    Report(ProbePassed{.id = id, .generation = record.generation});
    BeginLiveness(record);
  }
}

// Only what the latest run has printed is of interest.
std::string LocalBackend::ProbeLog(const Record& record) const {
  return files_.LogFile(record.definition->path) + ".probe";
}

std::string LocalBackend::ReloadLog(const Record& record) const {
  return files_.LogFile(record.definition->path) + ".reload";
}

// Runs what belongs to a service beside it.
absl::Status LocalBackend::SpawnAside(const Record& record,
                                      const ProbeCommand& command,
                                      uint32_t keeper_id, uint64_t run,
                                      const std::string& log) {
  absl::StatusOr<std::optional<ServiceUser>> user =
      requests_.UserOf(record.definition->command.process);
  if (!user.ok()) return user.status();
  absl::StatusOr<keeper::SpawnRequest> request =
      requests_.ForProbe(*record.definition, command, *user);
  if (!request.ok()) return request.status();
  request->id = keeper_id;
  request->generation = run;
  request->log_path = log;
  logs_.EnsureDirectory();
  unlink(request->log_path.c_str());
  absl::Status sent = keeper_->Spawn(*request);
  Flush();
  return sent;
}

void LocalBackend::Flush() {
  if (handling_events_) return;
  // Services wait for the first, and it takes them longer to print anything
  // than the second takes.
  keeper_->Flush();
  logs_.Flush();
  if (!keeper_->wants_write()) {
    keeper_writable_ = Loop::Watch();
  } else if (!keeper_writable_) {
    keeper_writable_ = loop_.OnWritable(keeper_->fd(), [this] { Flush(); });
  }
}

void LocalBackend::ReadKeeper() {
  absl::StatusOr<std::vector<keeper::Event>> events = keeper_->ReadEvents();
  if (!events.ok()) {
    LOG(ERROR) << "the keeper is lost: " << events.status();
    keeper_readable_ = Loop::Watch();
    keeper_writable_ = Loop::Watch();
    return handler_(KeeperLost{});
  }
  handling_events_ = true;
  for (const keeper::Event& event : *events) {
    std::visit([this](const auto& it) { On(it); }, event);
  }
  handling_events_ = false;
  Flush();
}

void LocalBackend::On(const keeper::SpawnedEvent& event) {
  const Role role = roles_[event.id];
  if (role.kind != Role::kService) return;
  Record& record = records_[role.record];
  if (record.generation == event.generation) record.pid = event.pid;
  logs_.RunBegan(files_.LogFile(record.definition->path),
                 record.definition->command.log);
  handler_(Spawned{.id = record.definition->id,
                   .generation = event.generation,
                   .pid = event.pid});
}

// Only the number has changed: the engine has left SPAWNING before.
void LocalBackend::On(const keeper::MainProcessEvent& event) {
  const Role role = roles_[event.id];
  if (role.kind != Role::kService) return;
  Record& record = records_[role.record];
  if (record.generation == event.generation) record.pid = event.pid;
  handler_(Spawned{.id = record.definition->id,
                   .generation = event.generation,
                   .pid = event.pid});
}

void LocalBackend::On(const keeper::SpawnFailedEvent& event) {
  const Role role = roles_[event.id];
  const Record& record = records_[role.record];
  const std::string stage(keeper::SpawnStageName(event.stage));
  const Command& command = record.definition->command;
  // Null if the command has been replaced by one without.
  const auto why = [&](const ProbeCommand* aside) {
    return absl::StrCat(stage, " (",
                        aside == nullptr ? "" : aside->program.name(),
                        "): ", strerror(event.error));
  };
  if (role.kind == Role::kProbe)
    return record.command_probe->DidNotStart(event.generation,
                                             why(command.readiness.probe()));
  if (role.kind == Role::kReloadCheck)
    return record.reload_check->DidNotStart(event.generation,
                                            why(command.ReloadCheck()));
  // A full disk, or a directory that somebody has removed, says nothing about
  // the program, and a person can put it right.
  const bool is_log = event.stage == keeper::SpawnStage::kOpenLog;
  handler_(SpawnFailed{
      .id = record.definition->id,
      .generation = event.generation,
      .error = event.error,
      .stage = absl::StrCat(stage, " (",
                            is_log ? files_.LogFile(record.definition->path)
                                   : command.program.name(),
                            ")"),
      .passing = is_log});
}

// Until it is ready this tells what it is waiting for. Afterwards the engine
// would take it for a sign that it does not live.
void LocalBackend::On(const keeper::StatusEvent& event) {
  Record& record = records_[roles_[event.id].record];
  if (record.generation == event.generation)
    record.remarks.status = files_.Redact(event.text);
  if (record.ready) return;
  handler_(ProbeFailed{.id = record.definition->id,
                       .generation = event.generation,
                       .complaint = files_.Redact(event.text)});
}

void LocalBackend::On(const keeper::WatchdogLostEvent& event) {
  const Record& record = records_[roles_[event.id].record];
  const Command& command = record.definition->command;
  const std::string complaint =
      absl::StrCat("it did not send WATCHDOG=1 for ",
                   absl::FormatDuration(command.readiness.watchdog()));
  // Its time has been waited for, so no further failure is.
  const int failures = command.liveness ? command.liveness->failures : 1;
  for (int i = 0; i < failures; ++i) {
    handler_(ProbeFailed{.id = record.definition->id,
                         .generation = event.generation,
                         .complaint = complaint});
  }
}

void LocalBackend::On(const keeper::NoteEvent& event) {
  notes_.push_back(event.text);
  LOG(WARNING) << event.text;
}

void LocalBackend::On(const keeper::ExitedEvent& event) {
  const Role role = roles_[event.id];
  Record& record = records_[role.record];
  const ExitResult result = ResultOf(event);
  if (role.kind == Role::kProbe)
    return record.command_probe->Exited(event.generation, result);
  if (role.kind == Role::kReloadCheck)
    return record.reload_check->Exited(event.generation, result);
  if (record.generation == event.generation) record.remarks.frozen = false;
  handler_(Exited{.id = record.definition->id,
                  .generation = event.generation,
                  .result = result});
}

void LocalBackend::On(const keeper::DrainedEvent& event) {
  const Role role = roles_[event.id];
  const Record& record = records_[role.record];
  if (role.kind == Role::kProbe)
    return record.command_probe->Drained(event.generation);
  if (role.kind == Role::kReloadCheck)
    return record.reload_check->Drained(event.generation);
  handler_(
      Drained{.id = record.definition->id, .generation = event.generation});
}

void LocalBackend::On(const keeper::LogLossEvent& event) {
  const Record& record = records_[roles_[event.id].record];
  ServiceLogs::TellLoss(record.definition->path, event);
}

void LocalBackend::On(const keeper::RefusedEvent& event) {
  LOG(ERROR) << "the keeper refused a message (" << event.count
             << " so far): " << event.reason;
}

}  // namespace espalier
