#include "supervisor/environment/live_environment.h"

#include <malloc.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "glog/logging.h"
#include "supervisor/backend/local/local_backend.h"
#include "supervisor/control/control_server.h"
#include "supervisor/environment/controlled_runtime.h"
#include "supervisor/environment/descriptor_limit.h"
#include "supervisor/environment/event_recorder.h"
#include "supervisor/environment/pressure_guard.h"
#include "supervisor/environment/progress.h"
#include "supervisor/environment/progress_output.h"
#include "supervisor/environment/table.h"
#include "supervisor/instance/instance_lock.h"
#include "supervisor/instance/instance_paths.h"
#include "supervisor/logs/log_follower.h"
#include "supervisor/logs/log_printer.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/environment_run.h"
#include "supervisor/nursery/runtime.h"

namespace espalier {
namespace {

// What a person is told of a state: fewer words than the engine has.
ProgressLine LineOf(const Runtime& runtime, ServiceId id) {
  using Tone = ProgressLine::Tone;
  const auto why = [&] { return runtime.engine().Explain(id, Runtime::Now()); };
  switch (runtime.engine().State(id)) {
    case ServiceState::kInactive:
      return {Tone::kIdle, "stopped", ""};
    case ServiceState::kWaiting:
    case ServiceState::kBlocked:
      return {Tone::kBusy, "waiting", why()};
    case ServiceState::kStarting:
      if (runtime.engine().Spec(id).external) {
        return {Tone::kBusy, "waiting",
                absl::StrCat("it is external (--external), and ",
                             runtime.engine().Next(id, Runtime::Now()))};
      }
      [[fallthrough]];
    case ServiceState::kSpawning:
      return {Tone::kBusy, "starting", ""};
    case ServiceState::kReady:
      return {Tone::kGood, "ready", ""};
    case ServiceState::kStopping:
    case ServiceState::kKilling:
    case ServiceState::kDraining:
      return {Tone::kBusy, "stopping", ""};
    case ServiceState::kBackoff:
      return {Tone::kBusy, "restarting", why()};
    case ServiceState::kDone:
      return {Tone::kGood, "done", ""};
    case ServiceState::kFailed:
      // The outermost nursery ends with it, and then says why, with the end of
      // the log. A group may be run again.
      return {Tone::kBad, "failed",
              runtime.engine().Spec(id).group == kRootGroup
                  ? ""
                  : std::string(runtime.engine().Error(id).message())};
    case ServiceState::kStuck:
      return {Tone::kBad, "stuck", why()};
  }
  return {};
}

// How long the end waits for who reads the table.
constexpr absl::Duration kLongestGoodbye = absl::Seconds(1);

bool IsIgnored(int signal) {
  struct sigaction action;
  return sigaction(signal, nullptr, &action) == 0 &&
         (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_IGN;
}

// Everything that lives while an environment runs in the foreground.
class LiveEnvironment {
 public:
  LiveEnvironment(std::string name, const EnvironmentFlags& flags,
                  const InstancePaths& paths, std::unique_ptr<Loop> loop,
                  std::unique_ptr<LocalBackend> backend,
                  const EnvironmentBody& body, PressureGuard::Options pressure)
      : name_(std::move(name)),
        flags_(flags),
        paths_(paths),
        loop_(std::move(loop)),
        backend_(std::move(backend)),
        runtime_(*loop_, *backend_,
                 {.seed = static_cast<uint64_t>(getpid()),
                  .external = flags.external}),
        run_(runtime_, body,
             {.ready = [this] { Ready(); },
              .ended =
                  [this](absl::Status status) {
                    events_.Ended(status);
                    ended_ = std::move(status);
                    loop_->Quit();
                  }}),
        progress_(*loop_, Progress::Detect(STDERR_FILENO)),
        table_(*loop_, STDOUT_FILENO),
        events_(
            *loop_, runtime_,
            {.path = paths.journal_file(),
             // Older ones are read from the journal.
             .max_recent = 1024,
             .on_trouble =
                 [this](const absl::Status& trouble) { Trouble(trouble); }}),
        controlled_(runtime_, events_.log(),
                    [this] { Stop("asked to by envctl"); }),
        pressure_(*loop_, runtime_, std::move(pressure)) {
    runtime_.SetObserver([this](const Changed& change) { Observe(change); });
    runtime_.SetGroupObserver(
        [this](const GroupRun::Move& move) { events_.On(move); });
    runtime_.SetFreezeObserver(
        [this](const Runtime::FreezeChange& change) { events_.On(change); });
    // Nobody is told of what a kill could still undo.
    runtime_.SetSettledHandler([this] { events_.log().Flush(); });
  }

  // The keeper comes to its end while all else here is given up.
  ~LiveEnvironment() { backend_->BeginEnd(); }

  absl::Status Run() {
    for (const int signal : kStopSignals) {
      if (signal != SIGTERM && IsIgnored(signal)) continue;
      signals_.push_back(
          loop_->OnSignal(signal, [this, signal] { Signalled(signal); }));
    }
    const std::string run_id =
        absl::StrCat(getpid(), "-", absl::ToUnixNanos(absl::Now()));
    absl::StatusOr<std::unique_ptr<ControlServer>> control =
        ControlServer::Start(
            loop_.get(), &controlled_,
            {.socket_path = paths_.control_socket(), .run_id = run_id});
    if (!control.ok()) return control.status();
    control_ = *std::move(control);
    events_.Began(run_id);
    if (events_.log().damaged() > 0) {
      Say(absl::StrCat(
          "the journal is damaged in ", events_.log().damaged(),
          " places; the rest can be read: ", paths_.journal_file()));
    }
    if (flags_.follow) {
      if (absl::Status status = StartFollower(); !status.ok()) return status;
    }
    for (const std::string& note : backend_->Notes()) Say(note);
    run_.Start();
    while (!ended_) loop_->Run();
    if (follower_ != nullptr) follower_->Flush();
    progress_.Finish(Loop::Now());
    table_.FlushWithin(kLongestGoodbye);
    if (ended_->ok()) Say(absl::StrCat("stopped after ", Elapsed(stop_began_)));
    return *ended_;
  }

 private:
  void Say(absl::string_view text) {
    progress_.Print(absl::StrCat(name_, ": ", text, "\n"), Loop::Now());
  }

  static std::string Elapsed(absl::Duration since) {
    return absl::StrFormat("%.2f s",
                           absl::ToDoubleSeconds(Loop::Now() - since));
  }

  // Of the journal.
  void Trouble(const absl::Status& trouble) {
    if (trouble.ok()) return Say("the journal can be written again");
    Say(absl::StrCat(trouble.message(),
                     "; all goes on, but `envctl events` will not know of it "
                     "later"));
  }

  void Signalled(int signal) {
    if (!stopping_) return Stop(strsignal(signal));
    Say("killing everything");
    run_.Kill();
  }

  void Stop(absl::string_view why) {
    if (stopping_) return;
    stopping_ = true;
    stop_began_ = Loop::Now();
    Say(absl::StrCat("stopping (", why, "), in reverse order",
                     flags_.check ? "" : "; Ctrl-C kills"));
    run_.Stop();
  }

  void Ready() {
    progress_.Finish(Loop::Now());
    PrintTable();
    Say(absl::StrCat(
        "ready after ", Elapsed(start_began_),
        flags_.check ? "" : "; Ctrl-C stops it, `envctl ps` shows it"));
    if (flags_.check) Stop("--check");
    // What a start takes is several times what is kept of it.
    malloc_trim(0);
  }

  void PrintTable() {
    std::vector<std::vector<std::string>> rows;
    for (const ServiceDefinition& service : runtime_.services()) {
      std::vector<std::string> urls;
      for (const Endpoint& endpoint : service.endpoints)
        urls.push_back(EndpointAccess::Url(endpoint));
      rows.push_back({service.path,
                      service.external
                          ? "external"
                          : std::string(ServiceStateName(
                                runtime_.engine().State(service.id))),
                      absl::StrJoin(urls, " "), backend_->Log(service).file});
    }
    table_.Write(RenderTable({"SERVICE", "STATE", "ENDPOINT", "LOG"}, rows));
    table_.Flush();
  }

  void Observe(const Changed& change) {
    events_.On(change);
    controlled_.On(change);
    pressure_.On(change);
    const ServiceDefinition& service = runtime_.services()[Index(change.id)];
    if (follower_ != nullptr && change.to == ServiceState::kSpawning)
      Follow(service);
    // Too short to be worth a word, unless it is not.
    if (runtime_.engine().State(change.id) == ServiceState::kDraining) return;
    // A step may have made several moves; where it has led to is what counts.
    progress_.Update(service.path, LineOf(runtime_, change.id), Loop::Now());
  }

  absl::Status StartFollower() {
    printer_.emplace(flags_.followed, LogPrinter::WantsColour(STDERR_FILENO));
    absl::StatusOr<std::unique_ptr<LogFollower>> follower = LogFollower::Create(
        loop_.get(), [this](absl::string_view name, absl::string_view line) {
          progress_.Print(printer_->Format(name, line), Loop::Now());
        });
    if (!follower.ok()) return follower.status();
    follower_ = *std::move(follower);
    return absl::OkStatus();
  }

  void Follow(const ServiceDefinition& service) {
    const bool wanted =
        std::find(flags_.followed.begin(), flags_.followed.end(),
                  service.path) != flags_.followed.end();
    if (!wanted || runtime_.engine().CurrentGeneration(service.id) > 1) return;
    absl::Status status = follower_->Add(
        service.path, backend_->Log(service).file, LogFollower::kFromEnd);
    if (!status.ok())
      LOG(WARNING) << "cannot follow the log of " << service.path << ": "
                   << status;
  }

  const std::string name_;
  const EnvironmentFlags& flags_;
  const InstancePaths& paths_;
  const absl::Duration start_began_ = Loop::Now();
  absl::Duration stop_began_ = Loop::Now();
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<LocalBackend> backend_;
  Runtime runtime_;
  EnvironmentRun run_;
  Progress progress_;
  ProgressOutput table_;
  EventRecorder events_;
  ControlledRuntime controlled_;
  PressureGuard pressure_;
  std::unique_ptr<ControlServer> control_;
  std::optional<LogPrinter> printer_;
  std::unique_ptr<LogFollower> follower_;
  std::vector<Loop::Watch> signals_;
  bool stopping_ = false;
  std::optional<absl::Status> ended_;
};

}  // namespace

absl::Status RunLive(const std::string& name, const std::string& program,
                     const EnvironmentBody& body, const EnvironmentFlags& flags,
                     PressureGuard::Options pressure) {
  absl::StatusOr<InstancePaths> paths =
      InstancePaths::Create({.environment = name,
                             .instance = flags.instance,
                             .data_dir = flags.data_dir});
  if (!paths.ok()) return paths.status();
  absl::StatusOr<InstanceLock> lock = InstanceLock::Acquire(*paths);
  if (!lock.ok()) return lock.status();
  auto loop = std::make_unique<Loop>();
  absl::StatusOr<std::unique_ptr<LocalBackend>> backend = LocalBackend::Create(
      *loop, {.paths = *paths,
              .programs = ProgramFinder::ForProcess(program),
              .user_for_root = flags.user});
  if (!backend.ok()) return backend.status();
  // Not before the keeper is there: services get the limit as it was.
  RaiseDescriptorLimit();
  absl::Status status;
  {
    LiveEnvironment environment(name, flags, *paths, std::move(loop),
                                *std::move(backend), body, std::move(pressure));
    status = environment.Run();
  }
  paths->RemoveRuntimeDirectory();
  return status;
}

}  // namespace espalier
