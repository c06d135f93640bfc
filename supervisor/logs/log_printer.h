#ifndef ESPALIER_SUPERVISOR_LOGS_LOG_PRINTER_H_
#define ESPALIER_SUPERVISOR_LOGS_LOG_PRINTER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace espalier {

// Makes of a service's line what a person reads when the logs of several are
// shown in one terminal:
//
//   gateway | listening on port 8080
//   links   | opened /var/…/links.db
//
// The names are aligned; each has a colour that is its own in every run. Any
// thread, one at a time.
class LogPrinter {
 public:
  // `names` are those that will be shown, for the width; others may follow and
  // widen it.
  LogPrinter(const std::vector<std::string>& names, bool coloured);

  // Whether to colour what is written to `fd`: a terminal, no NO_COLOR, and
  // TERM is not "dumb".
  static bool WantsColour(int fd);

  // One line with its newline. `line` goes through TerminalText().
  std::string Format(absl::string_view name, absl::string_view line);

 private:
  // What a very long name may take from the line.
  static constexpr size_t kMaxWidth = 32;

  size_t width_ = 0;
  const bool coloured_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_LOG_PRINTER_H_
