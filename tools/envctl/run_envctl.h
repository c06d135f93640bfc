#ifndef ESPALIER_TOOLS_ENVCTL_RUN_ENVCTL_H_
#define ESPALIER_TOOLS_ENVCTL_RUN_ENVCTL_H_

#include <optional>
#include <ostream>
#include <string>

#include "absl/types/span.h"
#include "supervisor/instance/host_facts.h"

namespace espalier {

// Where envctl writes, and what kind of place that is.
struct EnvctlOutput {
  std::ostream& out;
  std::ostream& errors;
  bool coloured = false;
  // The terminal's, in columns.
  std::optional<int> width = std::nullopt;
};

// All of envctl: does what `arguments` say, without the program's name, and
// returns the exit code: 0 done, 1 not done, 2 not understood. Blocks.
int RunEnvctl(absl::Span<const std::string> arguments,
              const EnvctlOutput& output,
              const HostFacts& host = HostFacts::Current());

}  // namespace espalier

#endif  // ESPALIER_TOOLS_ENVCTL_RUN_ENVCTL_H_
