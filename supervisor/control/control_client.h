#ifndef ESPALIER_SUPERVISOR_CONTROL_CONTROL_CLIENT_H_
#define ESPALIER_SUPERVISOR_CONTROL_CONTROL_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "supervisor/control/explanation.h"
#include "supervisor/control/service_snapshot.h"
#include "supervisor/journal/event.pb.h"
#include "supervisor/logs/log_range.h"
#include "supervisor/wiring/handle.h"

namespace espalier {

// A client of a running environment, for envctl and for tests.
//
//   ASSIGN_OR_RETURN(LockHolder two, FindInstance({.environment = "two"}));
//   ASSIGN_OR_RETURN(auto client, ControlClient::Connect(two.control_socket));
//   absl::Status restarted = client->Restart("links");
//
// Calls block; they may come from several threads at once, but not from the
// thread of the loop which serves them. Errors are sentences for a person.
// UnavailableError: the environment is gone, or has ended during the call.
class ControlClient {
 public:
  // Connects to the environment that listens on `socket_path`. NotFoundError if
  // nothing does, PermissionDeniedError if it is another user's.
  static absl::StatusOr<std::unique_ptr<ControlClient>> Connect(
      const std::string& socket_path);
  virtual ~ControlClient() = default;

  struct ServiceList {
    // In the order of their declaration.
    std::vector<ServiceSnapshot> services;
    // What the environment as a whole gives, once it is ready.
    std::optional<HandleData> handle = {};
    // What a Watch() can resume after.
    std::string run_id = {};
    int64_t revision = 0;
    // What works less well on this machine than it might, a sentence each.
    std::vector<std::string> notes = {};
  };
  virtual absl::StatusOr<ServiceList> List() = 0;

  // Why the service is in its state and what happens next: the service first,
  // then what it waits for, and what that waits for.
  virtual absl::StatusOr<std::vector<Explanation>> Explain(
      const std::string& service) = 0;

  struct WatchOptions {
    // Resume after this revision of this run, if its changes are still known;
    // otherwise, and if `run_id` is empty, the watch begins with a snapshot.
    std::string run_id = {};
    int64_t after_revision = 0;
    // When to give up, with DeadlineExceededError.
    absl::Time deadline = absl::InfiniteFuture();
  };
  struct WatchEvent {
    // Whether this is all there is (`services`), rather than one change
    // (`change`).
    bool is_snapshot = false;
    std::vector<ServiceSnapshot> services;
    ServiceChange change;
    std::string run_id = {};
    // Of the snapshot or the change.
    int64_t revision = 0;
  };
  // Tells what there is and then every change, until `on_event` returns false:
  // then OK. A watcher that did not keep up is resumed where it was, with
  // nothing left out. UnavailableError when the environment has ended.
  virtual absl::Status Watch(
      const WatchOptions& options,
      const std::function<bool(const WatchEvent&)>& on_event) = 0;

  // Return when it is done: ready again, stopped, ready. No deadline of their
  // own, since services have theirs.
  virtual absl::Status Restart(const std::string& service) = 0;
  struct StopOptions {
    // Stop the services that use it as well, instead of refusing.
    bool with_dependents = false;
  };
  virtual absl::Status Stop(const std::string& service,
                            StopOptions options) = 0;
  absl::Status Stop(const std::string& service) {
    return Stop(service, StopOptions());
  }
  virtual absl::Status Start(const std::string& service) = 0;

  // Has the service read its changed files, and returns when it was told to.
  virtual absl::Status Reload(const std::string& service) = 0;

  // Stop every process of a service that is ready where it is, and let them go
  // on; return when they were told to.
  virtual absl::Status Freeze(const std::string& service) = 0;
  virtual absl::Status Thaw(const std::string& service) = 0;

  // Asks the environment to stop, and returns once it has begun to.
  // WaitUntilUnlocked() waits for the end.
  virtual absl::Status StopEnvironment() = 0;

  struct LogsOptions {
    // Empty: all.
    std::vector<std::string> services = {};
    // How many of the last lines of each. Of no account with a part.
    int64_t tail_lines = 20;
    // Go on with new lines as they are written.
    bool follow = false;
    // Every line of this part instead; with `follow`, from its beginning on.
    std::optional<LogPart> part = {};
  };
  // Tells lines until all were told or, when following, `on_line` returns
  // false: then OK. Lines are harmless for a terminal.
  virtual absl::Status Logs(
      const LogsOptions& options,
      const std::function<bool(absl::string_view service,
                               absl::string_view line)>& on_line) = 0;

  struct EventsOptions {
    // Only what came after this revision; 0: as far back as is known.
    int64_t after_revision = 0;
    // Only what happened at this time or later.
    absl::Time since = absl::InfinitePast();
    // Only what happened to these services, and to the environment. Empty: all.
    std::vector<std::string> services = {};
    // Go on with what happens.
    bool follow = false;
  };
  struct EventsEnd {
    // How many records of the journal were damaged; what they said is missing.
    int64_t damaged = 0;
  };
  // Tells what has happened until all was told or, when following, `on_event`
  // returns false. OutOfRangeError if `after_revision` is not there yet.
  virtual absl::StatusOr<EventsEnd> Events(
      const EventsOptions& options,
      const std::function<bool(const journal::v1::Event&)>& on_event) = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_CONTROL_CONTROL_CLIENT_H_
