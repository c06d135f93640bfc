#ifndef ESPALIER_SUPERVISOR_BACKEND_BACKEND_H_
#define ESPALIER_SUPERVISOR_BACKEND_BACKEND_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/engine/actions.h"
#include "supervisor/engine/events.h"
#include "supervisor/engine/ids.h"
#include "supervisor/wiring/command.h"
#include "supervisor/wiring/endpoint.h"
#include "supervisor/wiring/handle.h"
#include "supervisor/wiring/rare.h"

namespace espalier {

// A service as it was declared: all that a backend needs to run it again and
// again.
struct ServiceDefinition {
  ServiceId id{};
  std::string path;  // of names: "links", or "shop/links" in a group
  Command command;
  std::vector<Endpoint>
      endpoints;  // its own, in the order in which they were made
  // Paths of the services it uses, and of those that it uses only to start;
  // sorted.
  std::vector<std::string> needs;
  std::vector<std::string> start_needs = {};
  bool external =
      false;  // somebody else runs it; only its readiness is ours to find out
  Rare<HandleData> handle = {};  // what its start function gives

  friend bool operator==(const ServiceDefinition&,
                         const ServiceDefinition&) = default;
};

// The log of a service, of which the latest run's part begins at an offset.
struct LogOfRun {
  std::string file = {};  // absolute path; empty if there is none
  int64_t begin = 0;      // in bytes
};

// What is known of a run beside its state.
struct Remarks {
  bool frozen = false;     // its processes stand still, as was asked
  RareString status = {};  // what it last said of itself; see sd_notify(3)
};

// Where commands run: this machine, a plan on paper, a simulation. It carries
// out what the engine decided, and reports what came of it. All on the loop's
// thread; nothing blocks for long; events are never reported from within a
// call.
class Backend {
 public:
  virtual ~Backend() = default;

  // Must be called once, before anything else. `handler` gets all events.
  virtual void SetEventHandler(std::function<void(Event)> handler) = 0;

  // Make the address of an endpoint, which stays the same for the life of the
  // environment, through every restart. Listen: a socket that listens from now
  // on, and that every run of the service inherits; connections made while none
  // runs wait. Reserve: a port which nobody else is given, for the service to
  // bind with SO_REUSEADDR. SocketPath: the path of `file`, short enough,
  // in a private directory, at which the service may make a Unix socket.
  virtual absl::StatusOr<EndpointAddress> Listen(absl::string_view service,
                                                 absl::string_view name) = 0;
  virtual absl::StatusOr<EndpointAddress> ListenUnix(
      absl::string_view service, absl::string_view name) = 0;
  virtual absl::StatusOr<EndpointAddress> Reserve(absl::string_view service,
                                                  absl::string_view name) = 0;
  virtual absl::StatusOr<EndpointAddress> SocketPath(
      absl::string_view service, absl::string_view name,
      absl::string_view file) = 0;

  // Makes a service known. `definition` stays valid as long as the backend
  // lives. It changes only while nothing of the service runs, and this is
  // called again then.
  virtual void Define(const ServiceDefinition& definition) = 0;

  // What the engine orders; see actions.h.
  virtual void Carry(const Spawn& order) = 0;
  virtual void Carry(const Stop& order) = 0;
  virtual void Carry(const Kill& order) = 0;
  virtual void Carry(const StartProbe& order) = 0;
  virtual void Carry(const StopProbe& order) = 0;

  // Tells the service, which is ready, to read its files again, as its
  // command's `reload` says: they are written anew, looked at, and the service
  // is signalled. `done` is called once, never from within: OK when the signal
  // was sent, otherwise why not.
  virtual void Reload(ServiceId id, std::function<void(absl::Status)> done) = 0;

  // Stops every process of the service, which is ready, where it is, or lets
  // them go on. Until then nobody asks whether it lives; its stop ends it too.
  virtual void Freeze(ServiceId, bool /*frozen*/) {}

  // Everything is being stopped for good: no Spawn will come any more. What
  // takes its time to give up can be given up meanwhile.
  virtual void WindDown() {}

  // Called after every batch of orders: the time to hand them on together.
  virtual void Flush() = 0;

  // Where the service logs; no file if it has none.
  virtual LogOfRun Log(const ServiceDefinition& definition) const = 0;

  // Of the latest run.
  virtual Remarks RemarksOn(ServiceId) const { return {}; }

  // What works less well here than it might, a sentence each.
  virtual std::vector<std::string> Notes() const { return {}; }

  // The text as this backend puts it into a process: addresses and paths as
  // they are here. Secrets are not rendered: "{secret db.password}".
  virtual std::string Show(const Text& text) const = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_BACKEND_H_
