#ifndef ESPALIER_SUPERVISOR_LOGS_TERMINAL_TEXT_H_
#define ESPALIER_SUPERVISOR_LOGS_TERMINAL_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace espalier {

// `line` as it can be shown on a terminal without harm: well-formed UTF-8 and
// tabs stay; escape sequences which only set colours vanish, as does a carriage
// return at the end; every other control character, byte or bidirectional
// override is written as \xNN. Any thread.
std::string TerminalText(absl::string_view line);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_TERMINAL_TEXT_H_
