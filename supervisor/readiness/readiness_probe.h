#ifndef ESPALIER_SUPERVISOR_READINESS_READINESS_PROBE_H_
#define ESPALIER_SUPERVISOR_READINESS_READINESS_PROBE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "supervisor/loop/loop.h"
#include "supervisor/readiness/probe_target.h"

namespace espalier {

// Finds out when a server on this machine is ready.
//
// An attempt is: connect, let the caller verify who listens, send one request,
// wait for its answer. There is no time limit on an attempt: on a held listener
// the connection waits in the kernel, so that the answer is the event that
// tells that the server is there, and an attempt that were given up would only
// be made again. Whoever started the service has the start timeout, and
// destroys the probe.
//
// An attempt that fails (refused, closed without an answer, a wrong answer, a
// listener that is not verified) is repeated after 1 ms, which doubles up to
// 100 ms.
//
// Everything runs on the loop's thread.
class ReadinessProbe {
 public:
  struct Options {
    // Called when a connection is made, before anything is sent over it; an
    // error closes it and counts as a failed attempt. Null: not verified.
    std::function<absl::Status()> verify = nullptr;
    // Called with last_complaint() whenever that has changed; must not destroy
    // the probe. Null: nobody wants to know.
    std::function<void(std::string)> complained = nullptr;
  };

  // Begins to probe. `done` is called once, never from within Start(): with OK
  // when the server is ready, with INVALID_ARGUMENT when `target` makes no
  // sense. The probe may be destroyed at any time, also in `done` and in
  // `verify`, and calls neither afterwards; it must not outlive `loop`.
  static std::unique_ptr<ReadinessProbe> Start(
      Loop& loop, ProbeTarget target, std::function<void(absl::Status)> done,
      Options options);
  static std::unique_ptr<ReadinessProbe> Start(
      Loop& loop, ProbeTarget target, std::function<void(absl::Status)> done);

  virtual ~ReadinessProbe() = default;

  // Why it is not ready yet, for the error message at the start timeout, such
  // as "127.0.0.1:4711: connection refused" or "127.0.0.1:4711: HTTP status
  // 503". What an earlier attempt complained of stays until there is something
  // newer to say.
  virtual std::string last_complaint() const = 0;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_READINESS_READINESS_PROBE_H_
