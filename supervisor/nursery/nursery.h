#ifndef ESPALIER_SUPERVISOR_NURSERY_NURSERY_H_
#define ESPALIER_SUPERVISOR_NURSERY_NURSERY_H_

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/engine/ids.h"
#include "supervisor/engine/rules.h"
#include "supervisor/engine/strategy.h"
#include "supervisor/nursery/address_kind.h"
#include "supervisor/task/all.h"
#include "supervisor/task/task.h"
#include "supervisor/task/task_function.h"
#include "supervisor/wiring/command.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"
#include "supervisor/wiring/text.h"

namespace espalier {

class Runtime;
class Service;

struct GroupOptions {
  // How often the group may fail. `max_runs` within `window` is the limit of
  // restarts of several services together, as the strategy asks for, and of
  // runs of the whole body, counted apart. RestartWhen::kNever: the body is run
  // once.
  RestartRule restart = {};
};

// The scope that owns services: what is started in it does not outlive it, and
// when it gives up on one of them it ends as a whole. An environment's function
// is given the outermost one; Group() makes one inside another.
//
// The loop's thread only; passed by reference, never kept.
class Nursery {
 public:
  // The outermost nursery of `runtime`. For what runs an environment.
  explicit Nursery(Runtime& runtime);
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  // Begins to declare a service. `name` becomes its path below this nursery's
  // own; it is unique within the nursery (a duplicate is an error of
  // Service::Start) and consists of lower-case letters, digits, '_' and '-'.
  Service NewService(absl::string_view name);

  // One that somebody else runs at `url`, unless --external says elsewhere.
  // Environments call External().
  Service NewExternalService(absl::string_view name, std::string url);

  // A directory that several services of this nursery may share, kept from run
  // to run.
  Path SharedData(absl::string_view name) const;

  // Runs `body` in a nursery of its own, with its own restart strategy, and
  // gives what it returns. When the body fails, or a service of it fails for
  // good, all that it started is stopped, and the body is run again, as often
  // as `options.restart` allows; group_run.h tells the rest. If that is of no
  // use, the error is delivered; once the body has returned, it becomes the
  // failure of this nursery.
  //
  // The body may be run again when the function that calls this has long
  // returned: it must start everything in the nursery that it is given, capture
  // values and no references, and do the same in every run. What it returns is
  // compared with what it returned first, for that is what others hold.
  template <typename T>
  Task<T> Group(std::string name, Strategy strategy,
                TaskFunction<Task<T>(Nursery&)> body,
                GroupOptions options = {}) {
    if constexpr (std::is_void_v<T>) {
      co_await RunGroup(name, strategy, options, body);
    } else {
      auto first = std::make_shared<std::optional<T>>();
      co_await RunGroup(name, strategy, options, Keep<T>(name, body, first));
      co_return **first;
    }
  }

  // What the environment as a whole gives to other programs; see Attach().
  void Publish(const HandleData& handle);

  // Names from the outermost nursery to this one, joined by '/'; empty for the
  // outermost.
  const std::string& path() const { return path_; }

 private:
  friend class Service;

  Nursery(Runtime& runtime, std::string path, GroupId group)
      : runtime_(runtime), group_(group), path_(std::move(path)) {}

  // Runs `body`, and keeps its value in `first` or compares it with that.
  template <typename T>
  static TaskFunction<Task<void>(Nursery&)> Keep(
      std::string name, TaskFunction<Task<T>(Nursery&)> body,
      std::shared_ptr<std::optional<T>> first) {
    return [name = std::move(name), body = std::move(body),
            first = std::move(first)](Nursery& inner) -> Task<void> {
      T value = co_await body(inner);
      if (!first->has_value()) {
        first->emplace(std::move(value));
      } else if constexpr (std::equality_comparable<T>) {
        if (!(value == **first)) co_await GaveAnother(name);
      }
    };
  }
  static absl::Status GaveAnother(absl::string_view name);

  // Waits until a run of the body has returned, or no other is of use.
  Task<void> RunGroup(std::string name, Strategy strategy, GroupOptions options,
                      TaskFunction<Task<void>(Nursery&)> body);
  std::string PathOf(absl::string_view name) const;

  Runtime& runtime_;
  const GroupId group_;
  const std::string path_;
};

// A service that is being declared: first its endpoints and directories, then
// its command, which mentions them.
//
//   Service links = nursery.NewService(options.name);
//   Http2Url url = links.Listen<Http2Url>();
//   co_await links.Start({.program =
//   Program::Built("services/links/links_server"),
//                         .arguments = {Text("--store=", links.data() /
//                         "links.db")}, .readiness =
//                         Readiness::GrpcHealth(url)});
//
// Lives in the start function only; what is running belongs to the nursery.
class Service {
 public:
  Service(Service&&) = default;

  // A listening socket that every run of the service inherits (by systemd's
  // LISTEN_FDS convention, descriptors 3, 4, … in the order of these calls,
  // LISTEN_FDNAMES has the names). Connections made during a restart wait in
  // the kernel, and none is refused. The choice for servers of your own.
  template <typename E>
    requires std::is_base_of_v<Endpoint, E>
  E Listen(absl::string_view name = "url") {
    return Add<E>(std::same_as<E, UnixSocket> ? AddressKind::kListenUnix
                                              : AddressKind::kListen,
                  name);
  }

  // A port that nobody else is given, for a program that binds it itself (with
  // SO_REUSEADDR, as servers do); for a UnixSocket, a path. Stays the same
  // through restarts.
  template <typename E>
    requires std::is_base_of_v<Endpoint, E>
  E Reserve(absl::string_view name = "url") {
    return Add<E>(std::same_as<E, UnixSocket> ? AddressKind::kSocketPath
                                              : AddressKind::kReserve,
                  name);
  }

  // A Unix socket for a program that speaks the endpoint's protocol on one:
  // `file` is what it must be called. The path stays the same through restarts,
  // and only the services' user can reach it.
  template <typename E>
    requires std::is_base_of_v<Endpoint, E>
  E ReserveUnix(absl::string_view file, absl::string_view name = "url") {
    return Add<E>(AddressKind::kSocketPath, name, file);
  }

  // Whether somebody else runs the service (--external). What else a start
  // function would run for it, such as to prepare its data, is then not ours to
  // run.
  bool is_external() const { return external_; }

  // Its own directory, kept from run to run of the instance, private to its
  // user; made before it starts.
  Path data() const { return Path(Path::Root::kData, path_, ""); }
  // Its own short-lived directory, for sockets and the like.
  Path runtime() const { return Path(Path::Root::kRuntime, path_, ""); }

  // A value that is made up once for this instance and then kept: 32 random
  // characters from [A-Za-z0-9].
  Secret GeneratedSecret(std::string name) const {
    return Secret(path_, std::move(name));
  }

  // Starts the service when all that its command mentions is ready, and waits
  // until it is ready itself (a one-shot: done). Fails with a sentence that
  // says why, where its log is and how it ends; by then nothing of it runs. If
  // the task fails later, the service is stopped before the error is delivered,
  // and whoever starts it meanwhile does so in vain.
  // When the task is cancelled, waits until the process and what it spawned
  // have gone. Call it once.
  Task<void> Start(Command command);

  // The same for a service that others use: gives `handle` when it is ready,
  // and lets other programs find it by the service's path (see Attach).
  template <Handle H>
  Task<H> Start(Command command, H handle) {
    handle_ = handle.ToHandleData();
    co_await Start(std::move(command));
    co_return handle;
  }

  const std::string& path() const { return path_; }

 private:
  friend class Nursery;

  Service(Nursery& nursery, absl::string_view name);

  template <std::derived_from<Endpoint> E>
  E Add(AddressKind kind, absl::string_view name, absl::string_view file = "") {
    E endpoint = EndpointAccess::Make<E>(
        MakeAddress(kind, name, file.empty() ? name : file));
    CheckScheme(endpoint);
    endpoints_.push_back(endpoint);
    return endpoint;
  }
  EndpointAddress MakeAddress(AddressKind kind, absl::string_view name,
                              absl::string_view file);
  absl::StatusOr<EndpointAddress> FindAddress(AddressKind kind,
                                              absl::string_view name,
                                              absl::string_view file) const;
  absl::StatusOr<EndpointAddress> ExternalAddress(absl::string_view name,
                                                  absl::string_view url) const;
  const std::string* ExternalUrl(absl::string_view name) const;
  // An external address that says "redis://" is none of an HTTP server.
  void CheckScheme(const Endpoint& endpoint);

  Nursery* nursery_;
  std::string name_;
  std::string path_;
  std::vector<Endpoint> endpoints_;
  std::optional<HandleData> handle_;
  bool external_ = false;
  std::optional<std::string> external_url_;  // as the environment says
  absl::Status error_;  // the first thing that went wrong while declaring;
                        // Start delivers it
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_NURSERY_NURSERY_H_
