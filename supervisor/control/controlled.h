#ifndef ESPALIER_SUPERVISOR_CONTROL_CONTROLLED_H_
#define ESPALIER_SUPERVISOR_CONTROL_CONTROLLED_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "supervisor/control/explanation.h"
#include "supervisor/control/service_snapshot.h"
#include "supervisor/journal/event_log.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

// What a ControlServer lets its clients see and do: the running environment, or
// a fake.
//
// All on the loop's thread. `done` is called exactly once, on the loop's
// thread, perhaps before the call returns; an operation goes on to its end
// whether or not somebody still waits for it. Errors are sentences for a
// person, with NotFoundError for an unknown name.
class Controlled {
 public:
  using Done = std::function<void(absl::Status)>;

  struct StopOptions {
    // Stops the live services that use it as well, in reverse order, before it.
    // Without this such a stop is refused with FailedPreconditionError that
    // lists them.
    bool with_dependents = false;
  };

  virtual ~Controlled() = default;

  // All services, in the order of their declaration, as of revision().
  virtual std::vector<ServiceSnapshot> List() = 0;

  // The service first, then what it waits for, and what that waits for; each
  // once.
  virtual absl::StatusOr<std::vector<Explanation>> Explain(
      const std::string& name) = 0;

  // What the environment as a whole gives; nothing before it is ready.
  virtual std::optional<HandleData> Published() = 0;

  // What works less well on this machine than it might, a sentence each.
  virtual std::vector<std::string> Notes() = 0;

  // The latest ServiceChange; 0 if there was none yet.
  virtual int64_t revision() = 0;

  // Calls `on_change` for every later change, in order, from the loop's thread,
  // until it is replaced; an empty function ends it. One subscriber at a time:
  // the server passes on to its clients.
  virtual void Subscribe(
      std::function<void(const ServiceChange&)> on_change) = 0;

  // What happens, and has happened. The server is its one listener.
  virtual EventLog& events() = 0;

  // Stops the service's process, if it has one, and starts it; done when it is
  // ready again, or has failed.
  virtual void Restart(const std::string& name, Done done) = 0;

  // Done when nothing of it runs; OK if that is so already. CancelledError if
  // somebody starts it before that.
  virtual void Stop(const std::string& name, StopOptions options,
                    Done done) = 0;

  // Done when it is ready. OK if it is already.
  virtual void Start(const std::string& name, Done done) = 0;

  // Has it read its changed files without an end; done when it was told to.
  virtual void Reload(const std::string& name, Done done) = 0;

  // Stops every process of a service that is ready where it is, or lets them go
  // on; done when they were told to. OK if that is so already.
  virtual void Freeze(const std::string& name, bool frozen, Done done) = 0;

  // Begins to stop the whole environment, as SIGTERM would, and returns at
  // once.
  virtual void StopEnvironment() = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CONTROLLED_H_
