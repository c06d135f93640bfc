#ifndef ESPALIER_SERVICES_COMMON_SERVER_MAIN_H_
#define ESPALIER_SERVICES_COMMON_SERVER_MAIN_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "supervisor/flags/parse_flags.h"  // IWYU pragma: export

namespace espalier {

// The exit code that says: starting it again, as it is configured, cannot help.
inline constexpr int kPermanentFailure = 125;

// Prints "NAME: SENTENCE" on stderr and returns the exit code: 0 for OK (prints
// nothing), 125 for InvalidArgument, which is how a configuration that cannot
// work is reported, and 1 for everything else.
int ExitCode(absl::string_view name, const absl::Status& status);

// Takes SIGTERM and SIGINT away from their default action, for this thread and
// those it starts from now on, and returns a non-blocking descriptor that
// becomes readable when one of them arrives. Also ignores SIGPIPE: a client
// that went away must not end the server. To be called once, before threads are
// started; the descriptor lives with the process.
int TerminationFd();

// Takes the signals that have arrived off `fd`, which came from TerminationFd,
// so that it is not readable any more.
void ConsumeTermination(int fd);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_COMMON_SERVER_MAIN_H_
