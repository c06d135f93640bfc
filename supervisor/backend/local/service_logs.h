#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_LOGS_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_LOGS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "supervisor/engine/ids.h"
#include "supervisor/keeper/protocol.h"
#include "supervisor/logs/log_trimmer.h"
#include "supervisor/logs/sidecar/generation_log.h"
#include "supervisor/loop/loop.h"
#include "supervisor/wiring/command.h"

namespace espalier {

// What the local backend does for the logs of its services: it notes at which
// offset each run begins, and keeps them within their limits. What cannot be
// done, on a full disk say, never stops a service; it is said once in the
// environment's own log. The loop's thread only.
class ServiceLogs {
 public:
  // `directory` has the logs; it must exist. `loop` must outlive this.
  ServiceLogs(Loop& loop, std::string directory);

  // Makes the directory again if somebody has removed it. If that fails, so
  // does opening a log there, which says why.
  void EnsureDirectory();

  // A run of the service that logs to `path` is about to be spawned; nothing of
  // the one before is left. Returns the offset at which its output begins.
  int64_t BeginRun(const std::string& path, Generation generation);

  // That run has been executed, so in file mode its log exists.
  void RunBegan(const std::string& path, const LogRule& rule);

  // No run will begin any more, and this ends soon.
  void WindDown() { trimmer_.WindDown(); }

  // What the keeper has to do for it; nothing in file mode.
  static std::optional<keeper::StrictLogRule> StrictRule(const LogRule& rule);

  // Says in the environment's own log that output was held up or lost.
  static void TellLoss(const std::string& service,
                       const keeper::LogLossEvent& event);

  // After a batch of BeginRun(): writes their notes, in one call.
  void Flush();

 private:
  void Complain(const absl::Status& status);

  const std::string directory_;
  mode_t mode_ = 0700;  // Of the directory.
  // Opened when the first run begins.
  std::optional<GenerationLog> generations_;
  LogTrimmer trimmer_;
  bool complained_ = false;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_LOGS_H_
