#ifndef ESPALIER_TOOLS_ENVCTL_COMMAND_LINE_H_
#define ESPALIER_TOOLS_ENVCTL_COMMAND_LINE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "supervisor/instance/instance_list.h"
#include "supervisor/logs/log_range.h"

namespace espalier {

// What envctl was asked to do.
struct CommandLine {
  // "ps", "list", "events", "explain", "restart", "start", "reload", "freeze",
  // "thaw", "stop", "exec", "logs", "completion" or "help".
  std::string command;
  // Services; for "help" the command to explain, if any; for "exec" a service,
  // a program and its arguments.
  std::vector<std::string> arguments;
  InstanceSelector selector;
  // ps, list, events and explain.
  bool json = false;
  // stop.
  bool with_dependents = false;
  // logs and events.
  bool follow = false;
  // logs.
  int64_t tail_lines = 20;
  // --generation or --offset.
  std::optional<LogPart> part;
  // logs: a time; events: a revision or a time. See ParseSince().
  std::string since;

  // `arguments` without the program's name. Flags may stand anywhere, as
  // --name=value or --name value; what follows "--" is no flag.
  // InvalidArgumentError says what was not understood, and what would have
  // been.
  static absl::StatusOr<CommandLine> Parse(
      absl::Span<const std::string> arguments);
};

}  // namespace espalier

#endif  // ESPALIER_TOOLS_ENVCTL_COMMAND_LINE_H_
