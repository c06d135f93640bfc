#include "supervisor/backend/local/local_backend.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "glog/logging.h"
#include "supervisor/logs/log_tail.h"
#include "supervisor/ports/listener_owner.h"

namespace espalier {
namespace {

// What may pass is worth another try; the rest is told as it is.
int ErrnoOf(const absl::Status& status) {
  return absl::IsResourceExhausted(status) ? EAGAIN : 0;
}

std::string ReadinessVariable(const Readiness& readiness) {
  return readiness.kind() == Readiness::Kind::kNewline ? readiness.variable()
                                                       : "";
}

ProbeTarget::Kind ProbeKind(Readiness::Kind kind) {
  switch (kind) {
    case Readiness::Kind::kHttp:
      return ProbeTarget::Kind::kHttp;
    case Readiness::Kind::kGrpcHealth:
      return ProbeTarget::Kind::kGrpcHealth;
    case Readiness::Kind::kAnswer:
      return ProbeTarget::Kind::kText;
    default:
      return ProbeTarget::Kind::kConnect;
  }
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
      programs_(std::move(options.programs)),
      user_(user),
      files_(options.paths, user),
      logs_(loop, options.paths.logs_directory()),
      keeper_(std::move(keeper)),
      self_(std::make_shared<LocalBackend*>(this)) {
  if (user_)
    staging_.emplace(options.paths.state_directory() + "/programs", *user_);
  keeper_readable_ = loop_.OnReadable(keeper_->fd(), [this] { ReadKeeper(); });
}

LocalBackend::~LocalBackend() {
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

absl::StatusOr<EndpointAddress> LocalBackend::Listen(absl::string_view service,
                                                     absl::string_view name) {
  absl::StatusOr<ListeningSocket> socket = ListeningSocket::ListenTcp();
  if (!socket.ok()) return socket.status();
  EndpointAddress address{.service = std::string(service),
                          .name = std::string(name),
                          .host = "127.0.0.1",
                          .port = absl::StrCat(socket->port())};
  std::unique_ptr<Held>& held = held_[service];
  if (held == nullptr) held = std::make_unique<Held>();
  held->listeners.emplace_back(name, *std::move(socket));
  return address;
}

absl::StatusOr<EndpointAddress> LocalBackend::ListenUnix(
    absl::string_view service, absl::string_view name) {
  absl::StatusOr<EndpointAddress> address = SocketPath(service, name, name);
  if (!address.ok()) return address;
  Command nothing{.program = Program::Built("")};
  if (absl::Status status = files_.Prepare(address->service, nothing);
      !status.ok())
    return status;
  absl::StatusOr<ListeningSocket> socket =
      ListeningSocket::ListenUnix(address->path);
  if (!socket.ok()) return socket.status();
  std::unique_ptr<Held>& held = held_[service];
  if (held == nullptr) held = std::make_unique<Held>();
  held->listeners.emplace_back(name, *std::move(socket));
  return address;
}

absl::StatusOr<EndpointAddress> LocalBackend::Reserve(absl::string_view service,
                                                      absl::string_view name) {
  absl::StatusOr<PortReservation> port = PortReservation::Reserve();
  if (!port.ok()) return port.status();
  EndpointAddress address{.service = std::string(service),
                          .name = std::string(name),
                          .host = "127.0.0.1",
                          .port = absl::StrCat(port->port())};
  std::unique_ptr<Held>& held = held_[service];
  if (held == nullptr) held = std::make_unique<Held>();
  held->ports.push_back(*std::move(port));
  return address;
}

absl::StatusOr<EndpointAddress> LocalBackend::SocketPath(
    absl::string_view service, absl::string_view name, absl::string_view file) {
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

void LocalBackend::Define(const ServiceDefinition& definition) {
  CHECK_EQ(Index(definition.id), records_.size());
  auto held = held_.find(definition.path);
  records_.emplace_back().definition = &definition;
  Record& record = records_.back();
  record.held = held == held_.end() ? nullptr : held->second.get();
  const size_t index = records_.size() - 1;
  record.keeper_id = NewKeeperId({.record = index, .is_probe = false});
  if (definition.command.readiness.probe() == nullptr) return;
  record.probe_keeper_id = NewKeeperId({.record = index, .is_probe = true});
  MakeCommandProbe(record);
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

bool LocalBackend::AlreadyCreated(const Command& command) const {
  std::error_code error;
  return command.creates &&
         std::filesystem::exists(files_.Locate(*command.creates), error);
}

void LocalBackend::Carry(const Spawn& order) {
  Record& record = records_[Index(order.id)];
  record.generation = order.generation;
  record.pid = 0;
  record.log_begin =
      logs_.BeginRun(files_.LogFile(record.definition->path), order.generation);
  if (AlreadyCreated(record.definition->command)) {
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
  absl::StatusOr<std::string> program = FindProgram(command.program);
  if (const ProbeCommand* probe = command.readiness.probe();
      program.ok() && probe != nullptr) {
    // Without it the service would never count as ready.
    if (auto found = FindProgram(probe->program); !found.ok()) program = found;
  }
  if (!program.ok())
    return SpawnProblem{ErrnoOf(program.status()),
                        std::string(program.status().message())};
  if (absl::Status status = files_.Prepare(record.definition->path, command);
      !status.ok()) {
    return SpawnProblem{ErrnoOf(status), std::string(status.message())};
  }
  std::vector<int> listeners;
  if (record.held != nullptr) {
    for (const auto& [name, socket] : record.held->listeners)
      listeners.push_back(socket.fd());
  }
  absl::StatusOr<keeper::SpawnRequest> request =
      RequestFor(record, order, *std::move(program));
  const absl::Status sent =
      request.ok() ? keeper_->Spawn(*request, listeners) : request.status();
  if (sent.ok()) return std::nullopt;
  return SpawnProblem{ErrnoOf(sent), std::string(sent.message())};
}

absl::StatusOr<std::string> LocalBackend::FindProgram(const Program& program) {
  absl::StatusOr<std::string> found = programs_.Find(program);
  return found.ok() && staging_ ? staging_->Stage(*found) : found;
}

absl::StatusOr<keeper::SpawnRequest> LocalBackend::RequestFor(
    const Record& record, const Spawn& order, std::string program) const {
  const ServiceDefinition& definition = *record.definition;
  const Command& command = definition.command;
  absl::StatusOr<keeper::SpawnRequest> request = BasicRequest(
      definition, std::move(program), command.arguments, command.environment);
  if (!request.ok()) return request;
  request->id = record.keeper_id;
  request->generation = order.generation;
  request->log_path = files_.LogFile(definition.path);
  request->strict_log = ServiceLogs::StrictRule(command.log);
  request->readiness_variable = ReadinessVariable(command.readiness);
  if (record.held != nullptr) {
    for (const auto& [name, socket] : record.held->listeners)
      request->listener_names.push_back(name);
  }
  return request;
}

absl::StatusOr<keeper::SpawnRequest> LocalBackend::BasicRequest(
    const ServiceDefinition& definition, std::string program,
    const std::vector<Text>& arguments,
    const std::vector<EnvironmentVariable>& environment) const {
  const std::string home = files_.DataDirectory(definition.path);
  keeper::SpawnRequest request;
  request.program = program;
  request.argv = {std::move(program)};
  request.environment = {
      "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
      "LANG=C.UTF-8", absl::StrCat("HOME=", home),
      absl::StrCat("TMPDIR=", files_.RuntimeDirectory(definition.path))};
  request.working_directory =
      definition.command.working_directory
          ? files_.Locate(*definition.command.working_directory)
          : home;
  request.umask = 077;
  for (const Text& argument : arguments) {
    absl::StatusOr<std::string> rendered = files_.Render(argument);
    if (!rendered.ok()) return rendered.status();
    request.argv.push_back(*std::move(rendered));
  }
  for (const EnvironmentVariable& variable : environment) {
    absl::StatusOr<std::string> rendered = files_.Render(variable.value);
    if (!rendered.ok()) return rendered.status();
    request.environment.push_back(absl::StrCat(variable.name, "=", *rendered));
  }
  if (user_)
    request.credentials =
        keeper::Credentials{.uid = user_->uid, .gid = user_->gid, .groups = {}};
  return request;
}

void LocalBackend::Carry(const Stop& order) {
  keeper_->Stop(records_[Index(order.id)].keeper_id, order.generation,
                order.signal, order.grace);
}

void LocalBackend::Carry(const Kill& order) {
  keeper_->Kill(records_[Index(order.id)].keeper_id, order.generation);
}

absl::StatusOr<ProbeTarget> LocalBackend::TargetOf(
    const Readiness& readiness) const {
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
  if (!address.path.empty()) return target;
  int port = 0;
  if (!absl::SimpleAtoi(address.port, &port)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", address.port, "' is not a port"));
  }
  target.address = ProbeTarget::Tcp{
      .host = address.host == "localhost" ? "127.0.0.1" : address.host,
      .port = static_cast<uint16_t>(port)};
  return target;
}

void LocalBackend::Carry(const StartProbe& order) {
  Record& record = records_[Index(order.id)];
  record.generation = order.generation;
  const Readiness& readiness = record.definition->command.readiness;
  const BecameReady ready{.id = order.id, .generation = order.generation};
  // The keeper will tell.
  if (readiness.kind() == Readiness::Kind::kNewline) return;
  if (record.command_probe != nullptr) return record.command_probe->Watch();
  if (readiness.endpoint() == nullptr) return Report(ready);
  absl::StatusOr<ProbeTarget> target = TargetOf(readiness);
  if (!target.ok()) {
    return Report(
        ProbeFailed{.id = order.id,
                    .generation = order.generation,
                    .complaint = std::string(target.status().message())});
  }
  const auto complained = [this, ready](const std::string& complaint) {
    Report(ProbeFailed{.id = ready.id,
                       .generation = ready.generation,
                       .complaint = complaint});
  };
  record.probe = ReadinessProbe::Start(
      loop_, *std::move(target),
      [this, ready, complained](absl::Status status) {
        if (status.ok()) return Report(ready);
        complained(std::string(status.message()));
      },
      {.verify =
           [this, &record, &readiness] {
             return VerifyListener(record, *readiness.endpoint());
           },
       .complained = complained});
}

// Whoever listens must belong to the service's own tree, unless it is our own
// listening socket that it inherits.
absl::Status LocalBackend::VerifyListener(const Record& record,
                                          const Endpoint& endpoint) const {
  const EndpointAddress& address = EndpointAccess::Address(endpoint);
  if (record.definition->external || address.port.empty() ||
      endpoint.service() != record.definition->path) {
    return absl::OkStatus();
  }
  if (record.held != nullptr) {
    for (const auto& [name, socket] : record.held->listeners) {
      if (name == endpoint.name()) return absl::OkStatus();
    }
  }
  int port = 0;
  if (!absl::SimpleAtoi(address.port, &port))
    return absl::InternalError("not a port");
  return CheckListenerOwnedBy(static_cast<uint16_t>(port), record.pid);
}

void LocalBackend::Carry(const StopProbe& order) {
  Record& record = records_[Index(order.id)];
  record.probe.reset();
  if (record.command_probe != nullptr) record.command_probe->Unwatch();
}

void LocalBackend::MakeCommandProbe(Record& record) {
  const ServiceId id = record.definition->id;
  record.command_probe = std::make_unique<CommandProbe>(
      loop_,
      CommandProbe::Hooks{
          .spawn = [this,
                    &record](uint64_t run) { return SpawnProbe(record, run); },
          .kill =
              [this, &record](uint64_t run) {
                keeper_->Kill(record.probe_keeper_id, run);
                Flush();
              },
          .ready =
              [this, &record, id] {
                Report(BecameReady{.id = id, .generation = record.generation});
              },
          .complained =
              [this, &record, id](std::string complaint) {
                Report(ProbeFailed{.id = id,
                                   .generation = record.generation,
                                   .complaint = std::move(complaint)});
              },
          .last_words = [this, &record]() -> std::string {
            absl::StatusOr<LogTail> tail = LogTail::Read(ProbeLog(record));
            return tail.ok() && !tail->lines.empty() ? tail->lines.back() : "";
          }});
}

// Only what the latest run has printed is of interest.
std::string LocalBackend::ProbeLog(const Record& record) const {
  return files_.LogFile(record.definition->path) + ".probe";
}

absl::Status LocalBackend::SpawnProbe(Record& record, uint64_t run) {
  const ProbeCommand& probe = *record.definition->command.readiness.probe();
  absl::StatusOr<std::string> program = FindProgram(probe.program);
  if (!program.ok()) return program.status();
  absl::StatusOr<keeper::SpawnRequest> request =
      BasicRequest(*record.definition, *std::move(program), probe.arguments,
                   probe.environment);
  if (!request.ok()) return request.status();
  request->id = record.probe_keeper_id;
  request->generation = run;
  request->log_path = ProbeLog(record);
  unlink(request->log_path.c_str());
  absl::Status sent = keeper_->Spawn(*request);
  Flush();
  return sent;
}

void LocalBackend::Flush() {
  logs_.Flush();
  keeper_->Flush();
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
  for (const keeper::Event& event : *events) {
    std::visit([this](const auto& it) { On(it); }, event);
  }
}

void LocalBackend::On(const keeper::SpawnedEvent& event) {
  const Role role = roles_[event.id];
  if (role.is_probe) return;
  Record& record = records_[role.record];
  if (record.generation == event.generation) record.pid = event.pid;
  logs_.RunBegan(files_.LogFile(record.definition->path),
                 record.definition->command.log);
  handler_(Spawned{.id = record.definition->id,
                   .generation = event.generation,
                   .pid = event.pid});
}

void LocalBackend::On(const keeper::SpawnFailedEvent& event) {
  const Role role = roles_[event.id];
  const Record& record = records_[role.record];
  const std::string stage(keeper::SpawnStageName(event.stage));
  const Command& command = record.definition->command;
  if (role.is_probe) {
    return record.command_probe->DidNotStart(
        event.generation,
        absl::StrCat(stage, " (", command.readiness.probe()->program.name(),
                     "): ", strerror(event.error)));
  }
  handler_(SpawnFailed{
      .id = record.definition->id,
      .generation = event.generation,
      .error = event.error,
      .stage = absl::StrCat(stage, " (", command.program.name(), ")")});
}

void LocalBackend::On(const keeper::ReadyEvent& event) {
  handler_(BecameReady{.id = records_[roles_[event.id].record].definition->id,
                       .generation = event.generation});
}

void LocalBackend::On(const keeper::ExitedEvent& event) {
  const Role role = roles_[event.id];
  const Record& record = records_[role.record];
  const ExitResult result = ResultOf(event);
  if (role.is_probe)
    return record.command_probe->Exited(event.generation, result);
  handler_(Exited{.id = record.definition->id,
                  .generation = event.generation,
                  .result = result});
}

void LocalBackend::On(const keeper::DrainedEvent& event) {
  const Role role = roles_[event.id];
  const Record& record = records_[role.record];
  if (role.is_probe) return record.command_probe->Drained(event.generation);
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
