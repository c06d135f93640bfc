#include "supervisor/engine/exit_result.h"

#include <sys/wait.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace espalier {

ExitResult ExitResult::FromWaitStatus(int wait_status) {
  if (WIFEXITED(wait_status)) return Exited(WEXITSTATUS(wait_status));
  if (WIFSIGNALED(wait_status)) {
    return Signaled(WTERMSIG(wait_status), WCOREDUMP(wait_status));
  }
  return Lost();
}

std::string ExitResult::ToString() const {
  switch (kind_) {
    case Kind::kExited:
      return absl::StrCat("exit code ", detail_);
    case Kind::kSignaled:
      return absl::StrCat("killed by ", SignalName(detail_),
                          core_dumped_ ? " (core dumped)" : "");
    case Kind::kOomKilled:
      return "killed because memory ran out";
    case Kind::kLost:
      return "gone without a trace";
  }
  return "ended in an unknown way";
}

std::string SignalName(int signal) {
  // Unlike strsignal(), this depends on no locale.
  const char* name = sigabbrev_np(signal);
  if (name == nullptr) return absl::StrCat("signal ", signal);
  return absl::StrCat("SIG", name);
}

std::ostream& operator<<(std::ostream& out, const ExitResult& result) {
  return out << result.ToString();
}

}  // namespace espalier
