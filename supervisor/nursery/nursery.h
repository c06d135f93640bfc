#ifndef ESPALIER_SUPERVISOR_NURSERY_NURSERY_H_
#define ESPALIER_SUPERVISOR_NURSERY_NURSERY_H_

#include <concepts>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/engine/ids.h"
#include "supervisor/engine/strategy.h"
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
  // gives what it returns. When the body fails, what it started is stopped
  // before the error is delivered.
  template <typename T>
  Task<T> Group(std::string name, Strategy strategy,
                TaskFunction<Task<T>(Nursery&)> body) {
    absl::StatusOr<GroupId> group = AddGroup(name, strategy);
    co_await group.status();
    Nursery inner(*this, name, *group);
    co_return co_await body(inner);
  }

  // What the environment as a whole gives to other programs; see Attach().
  void Publish(const HandleData& handle);

  // Names from the outermost nursery to this one, joined by '/'; empty for the
  // outermost.
  const std::string& path() const { return path_; }

 private:
  friend class Service;

  Nursery(Nursery& parent, absl::string_view name, GroupId group);
  absl::StatusOr<GroupId> AddGroup(const std::string& name, Strategy strategy);
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
  template <std::derived_from<Endpoint> E>
  E Listen(absl::string_view name = "url") {
    return Add<E>(
        std::same_as<E, UnixSocket> ? Kind::kListenUnix : Kind::kListen, name);
  }

  // A port that nobody else is given, for a program that binds it itself (with
  // SO_REUSEADDR, as servers do); for a UnixSocket, a path. Stays the same
  // through restarts.
  template <std::derived_from<Endpoint> E>
  E Reserve(absl::string_view name = "url") {
    return Add<E>(
        std::same_as<E, UnixSocket> ? Kind::kSocketPath : Kind::kReserve, name);
  }

  // A Unix socket for a program that speaks the endpoint's protocol on one:
  // `file` is what it must be called. The path stays the same through restarts,
  // and only the services' user can reach it.
  template <std::derived_from<Endpoint> E>
  E ReserveUnix(absl::string_view file, absl::string_view name = "url") {
    return Add<E>(Kind::kSocketPath, name, file);
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
  // says why, where its log is and how it ends; by then nothing of it runs.
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
  enum class Kind { kListen, kListenUnix, kReserve, kSocketPath };

  Service(Nursery& nursery, absl::string_view name);

  template <std::derived_from<Endpoint> E>
  E Add(Kind kind, absl::string_view name, absl::string_view file = "") {
    E endpoint = EndpointAccess::Make<E>(
        MakeAddress(kind, name, file.empty() ? name : file));
    CheckScheme(endpoint);
    endpoints_.push_back(endpoint);
    return endpoint;
  }
  EndpointAddress MakeAddress(Kind kind, absl::string_view name,
                              absl::string_view file);
  absl::StatusOr<EndpointAddress> FindAddress(Kind kind, absl::string_view name,
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
