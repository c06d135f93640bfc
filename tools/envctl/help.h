#ifndef ESPALIER_TOOLS_ENVCTL_HELP_H_
#define ESPALIER_TOOLS_ENVCTL_HELP_H_

#include <string>

namespace espalier {

// What `envctl help COMMAND` prints; for an empty or unknown command, the
// overview.
std::string HelpText(const std::string& command);

// A bash script that completes commands, flags, environments and services.
std::string BashCompletion();

}  // namespace espalier

#endif  // ESPALIER_TOOLS_ENVCTL_HELP_H_
