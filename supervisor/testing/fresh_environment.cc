#include "supervisor/testing/fresh_environment.h"

#include <list>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "supervisor/backend/local/local_backend.h"
#include "supervisor/instance/instance_lock.h"
#include "supervisor/instance/instance_paths.h"
#include "supervisor/loop/loop.h"
#include "supervisor/nursery/environment_run.h"
#include "supervisor/nursery/runtime.h"
#include "supervisor/testing/failure_report.h"
#include "supervisor/testing/standstill.h"
#include "supervisor/testing/test_deadline.h"
#include "supervisor/testing/test_directory.h"

namespace espalier {

namespace {

// What the environments of one test process share; removed when it ends.
std::string TestCache() {
  static const TestDirectory directory;
  return directory.path() + "/cache";
}

// Removes what an instance left on disk, after everything that used it.
class Cleaner {
 public:
  Cleaner(std::unique_ptr<TestDirectory> own_directory, InstancePaths paths)
      : own_directory_(std::move(own_directory)), paths_(std::move(paths)) {}
  Cleaner(const Cleaner&) = delete;
  ~Cleaner() { paths_.RemoveRuntimeDirectory(); }
  const InstancePaths& paths() const { return paths_; }

 private:
  const std::unique_ptr<TestDirectory> own_directory_;  // null: the test's
  const InstancePaths paths_;
};

}  // namespace

class FreshEnvironment::Impl {
 public:
  Impl(std::unique_ptr<TestDirectory> own_directory, InstancePaths paths,
       InstanceLock lock, std::unique_ptr<Loop> loop,
       std::unique_ptr<LocalBackend> backend, EnvironmentRun::Body body,
       TestEnvironmentOptions options)
      : cleaner_(std::move(own_directory), std::move(paths)),
        lock_(std::move(lock)),
        loop_(std::move(loop)),
        backend_(std::move(backend)),
        keeper_pid_(backend_->keeper().keeper_pid()),
        guard_pid_(backend_->keeper().guard_pid()),
        runtime_(*loop_, *backend_, {.external = std::move(options.external)}),
        run_(runtime_, std::move(body),
             {.ready = [this] { SetReady(); },
              .ended =
                  [this](absl::Status status) {
                    SetEnded(std::move(status));
                    loop_->Quit();
                  }}) {
    runtime_.SetObserver([this](const Changed& change) { Observe(change); });
  }

  ~Impl() {
    if (!thread_.joinable()) return;
    Stop().IgnoreError();
    thread_.join();
  }

  absl::Status Start() {
    thread_ = std::thread([this] {
      run_.Start();
      while (!HasEnded()) loop_->Run();
    });
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithDeadline(absl::Condition(this, &Impl::ReadyOrEnded),
                                  TestDeadline()))
      return WaitedTooLong("everything to be ready");
    return ready_ ? absl::OkStatus() : *ended_;
  }

  absl::Status Stop() {
    loop_->Post([this] { run_.Stop(); });
    absl::Status ended = AwaitEnd(StopDeadline());
    if (HasEnded()) return ended;
    loop_->Post([this] { run_.Kill(); });
    AwaitEnd(absl::InfiniteFuture()).IgnoreError();
    return ended;
  }

  absl::Status AwaitEnd(absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithDeadline(absl::Condition(this, &Impl::Ended),
                                  deadline))
      return WaitedTooLong("the environment to end");
    return *ended_;
  }

  absl::StatusOr<ServiceUnderTest> Find(absl::string_view path) {
    absl::MutexLock lock(&mutex_);
    auto found = services_.find(std::string(path));
    if (found != services_.end()) return found->second;
    return NoSuchService(path, Services());
  }

  std::vector<ServiceUnderTest> List() {
    absl::MutexLock lock(&mutex_);
    return Services();
  }

  absl::StatusOr<ServiceUnderTest> WaitFor(
      absl::string_view path, absl::string_view what,
      const std::function<bool(const ServiceUnderTest&)>& wanted) {
    absl::MutexLock lock(&mutex_);
    const auto known = services_.find(std::string(path));
    if (known == services_.end()) return NoSuchService(path, Services());
    const ServiceUnderTest& service = known->second;
    Waiter waiter{.path = service.path, .wanted = wanted};
    waiter.Ask(service);
    const auto waiting = waiters_.insert(waiters_.end(), &waiter);
    const auto over = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return waiter.found.has_value() || Ended();
    };
    const bool in_time =
        mutex_.AwaitWithDeadline(absl::Condition(&over), TestDeadline());
    waiters_.erase(waiting);
    if (waiter.found.has_value()) return *std::move(waiter.found);
    if (!in_time) return espalier::WaitedTooLong(what, service);
    return absl::FailedPreconditionError(
        absl::StrCat("the environment ended before that: ", ended_->message()));
  }

  absl::Status Restart(absl::string_view path) {
    return Ask(path, [this](const ServiceDefinition& service, Done done) {
      runtime_.Handle(RestartRequested{service.id});
      done(absl::OkStatus());
    });
  }

  absl::Status Reload(absl::string_view path) {
    return Ask(path, [this](const ServiceDefinition& service, Done done) {
      runtime_.Reload(service.id, std::move(done));
    });
  }

  absl::Status Freeze(absl::string_view path, bool frozen) {
    const auto pid = std::make_shared<pid_t>(0);
    absl::Status status = Ask(
        path, [this, frozen, pid](const ServiceDefinition& service, Done done) {
          *pid = runtime_.engine().Pid(service.id);
          done(runtime_.Freeze(service.id, frozen));
        });
    if (status.ok() && frozen) AwaitStandstill(*pid);
    return status;
  }

  const InstancePaths& paths() const { return cleaner_.paths(); }
  pid_t keeper_pid() const { return keeper_pid_; }
  pid_t guard_pid() const { return guard_pid_; }

 private:
  using Done = std::function<void(absl::Status)>;

  // Asked at each move: a state that lasts a moment only is seen as well.
  struct Waiter {
    void Ask(const ServiceUnderTest& service) {
      if (!found.has_value() && wanted(service)) found = service;
    }

    const std::string& path;
    const std::function<bool(const ServiceUnderTest&)>& wanted;
    std::optional<ServiceUnderTest> found = {};
  };

  // Asks something of the service, on the loop's thread, and blocks until
  // `done` is called or the environment has ended.
  absl::Status Ask(
      absl::string_view path,
      std::function<void(const ServiceDefinition& service, Done done)> ask) {
    auto result = std::make_shared<std::optional<absl::Status>>();
    loop_->Post([this, result, name = std::string(path), ask = std::move(ask)] {
      const auto done = [this, result](absl::Status status) {
        absl::MutexLock lock(&mutex_);
        *result = std::move(status);
      };
      const ServiceDefinition* service = runtime_.Find(name);
      if (service == nullptr) return done(NoSuchService(name, List()));
      ask(*service, done);
    });
    const auto over = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return result->has_value() || ended_.has_value();
    };
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithDeadline(absl::Condition(&over), TestDeadline()))
      return WaitedTooLong(absl::StrCat("an answer for `", path, "`"));
    return result->value_or(
        absl::FailedPreconditionError("the environment has ended"));
  }

  bool ReadyOrEnded() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ready_ || ended_.has_value();
  }
  bool Ended() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ended_.has_value();
  }
  bool HasEnded() {
    absl::MutexLock lock(&mutex_);
    return Ended();
  }

  std::vector<ServiceUnderTest> Services() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::vector<ServiceUnderTest> services;
    for (const auto& [path, service] : services_) services.push_back(service);
    return services;
  }

  // With the state of each service.
  absl::Status WaitedTooLong(absl::string_view what) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto append = [](std::string* out, const auto& service) {
      out->append(service.second.why);
    };
    return absl::DeadlineExceededError(
        absl::StrCat("waited ", UntilTestDeadline(), " for ", what, ":\n  ",
                     absl::StrJoin(services_, "\n  ", append)));
  }

  void SetReady() {
    absl::MutexLock lock(&mutex_);
    ready_ = true;
  }

  void SetEnded(absl::Status status) {
    absl::MutexLock lock(&mutex_);
    ended_ = std::move(status);
  }

  void Observe(const Changed& change) {
    const ServiceDefinition& definition = runtime_.services()[Index(change.id)];
    const Engine& engine = runtime_.engine();
    absl::MutexLock lock(&mutex_);
    ServiceUnderTest& service = services_[definition.path];
    service = {.path = definition.path,
               .state = change.to,
               .generation = engine.CurrentGeneration(change.id),
               .pid = engine.Pid(change.id),
               .log_file = backend_->Log(definition).file,
               .why = engine.Explain(change.id, Runtime::Now()),
               .last_exit = engine.LastExit(change.id)};
    for (Waiter* waiter : waiters_) {
      if (waiter->path == service.path) waiter->Ask(service);
    }
  }

  const Cleaner cleaner_;
  const InstanceLock lock_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<LocalBackend> backend_;
  const pid_t keeper_pid_;
  const pid_t guard_pid_;
  Runtime runtime_;     // the loop's thread only
  EnvironmentRun run_;  // the loop's thread only
  std::thread thread_;

  absl::Mutex mutex_;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> ended_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, ServiceUnderTest> services_ ABSL_GUARDED_BY(mutex_);
  std::list<Waiter*> waiters_ ABSL_GUARDED_BY(mutex_);
};

FreshEnvironment::FreshEnvironment(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
FreshEnvironment::~FreshEnvironment() = default;

absl::StatusOr<std::unique_ptr<FreshEnvironment>> FreshEnvironment::Start(
    absl::string_view name, TaskFunction<Task<void>(Nursery&)> body,
    TestEnvironmentOptions options) {
  std::unique_ptr<TestDirectory> own_directory;
  if (options.data_dir.empty()) {
    own_directory = std::make_unique<TestDirectory>();
    options.data_dir = own_directory->path();
  }
  absl::StatusOr<InstancePaths> paths =
      InstancePaths::Create({.environment = std::string(name),
                             .instance = options.instance,
                             .data_dir = options.data_dir,
                             .cache_dir = TestCache()});
  if (!paths.ok()) return paths.status();
  absl::StatusOr<InstanceLock> lock = InstanceLock::Acquire(*paths);
  if (!lock.ok()) return lock.status();
  auto loop = std::make_unique<Loop>();
  ProgramFinder programs = ProgramFinder::ForProcess("");
  programs.Hide(options.not_installed);
  absl::StatusOr<std::unique_ptr<LocalBackend>> backend =
      LocalBackend::Create(*loop, {.paths = *paths, .programs = programs});
  if (!backend.ok()) return backend.status();
  auto impl = std::make_unique<Impl>(
      std::move(own_directory), *paths, *std::move(lock), std::move(loop),
      *std::move(backend), std::move(body), std::move(options));
  if (absl::Status status = impl->Start(); !status.ok()) {
    ShowServices(impl->List());
    impl->Stop().IgnoreError();
    // Their directory goes with it.
    const KeptLogs logs = KeptLogs::Keep(impl->List());
    logs.Announce();
    return logs.Name(status);
  }
  return std::unique_ptr<FreshEnvironment>(
      new FreshEnvironment(std::move(impl)));
}

absl::StatusOr<ServiceUnderTest> FreshEnvironment::Find(
    absl::string_view path) {
  return impl_->Find(path);
}

std::vector<ServiceUnderTest> FreshEnvironment::List() { return impl_->List(); }

absl::StatusOr<ServiceUnderTest> FreshEnvironment::WaitFor(
    absl::string_view path, absl::string_view what,
    const std::function<bool(const ServiceUnderTest&)>& wanted) {
  return impl_->WaitFor(path, what, wanted);
}

absl::Status FreshEnvironment::Restart(absl::string_view path) {
  return impl_->Restart(path);
}

absl::Status FreshEnvironment::Reload(absl::string_view path) {
  return impl_->Reload(path);
}

absl::Status FreshEnvironment::Freeze(absl::string_view path, bool frozen) {
  return impl_->Freeze(path, frozen);
}

absl::Status FreshEnvironment::Stop() { return impl_->Stop(); }
absl::Status FreshEnvironment::AwaitEnd() {
  return impl_->AwaitEnd(TestDeadline());
}

std::string FreshEnvironment::state_directory() const {
  return impl_->paths().state_directory();
}
pid_t FreshEnvironment::keeper_pid() const { return impl_->keeper_pid(); }
pid_t FreshEnvironment::guard_pid() const { return impl_->guard_pid(); }

}  // namespace espalier
