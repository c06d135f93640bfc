#include "supervisor/logs/log_printer.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "supervisor/logs/terminal_text.h"

namespace espalier {
namespace {

// Those of the 16 that can be read on a dark and on a light ground.
constexpr absl::string_view kColours[] = {"36", "35", "34", "32", "33",
                                          "31", "96", "95", "94", "92"};

absl::string_view ColourOf(absl::string_view name) {
  uint32_t hash = 2166136261;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619;
  return kColours[hash % std::size(kColours)];
}

}  // namespace

LogPrinter::LogPrinter(const std::vector<std::string>& names, bool coloured)
    : coloured_(coloured) {
  for (const std::string& name : names) {
    width_ = std::max(width_, std::min(name.size(), kMaxWidth));
  }
}

bool LogPrinter::WantsColour(int fd) {
  const char* no_color = getenv("NO_COLOR");
  const char* term = getenv("TERM");
  const bool refused = no_color != nullptr && *no_color != '\0';
  const bool dumb = term == nullptr || absl::string_view(term) == "dumb";
  return !refused && !dumb && isatty(fd) == 1;
}

std::string LogPrinter::Format(absl::string_view name, absl::string_view line) {
  width_ = std::max(width_, std::min(name.size(), kMaxWidth));
  const std::string padding(width_ - std::min(name.size(), width_), ' ');
  const std::string prefix = absl::StrCat(TerminalText(name), padding, " | ");
  if (!coloured_) return absl::StrCat(prefix, TerminalText(line), "\n");
  return absl::StrCat("\x1b[", ColourOf(name), "m", prefix, "\x1b[0m",
                      TerminalText(line), "\n");
}

}  // namespace espalier
