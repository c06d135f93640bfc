#include "supervisor/logs/terminal_text.h"

#include <cstdint>

#include "absl/strings/str_format.h"

namespace espalier {
namespace {

// Length of "ESC [ digits and semicolons m" at the front of `text`; 0 if there
// is none.
size_t ColourLength(absl::string_view text) {
  if (text.size() < 3 || text[0] != '\x1b' || text[1] != '[') return 0;
  size_t end = 2;
  while (end < text.size() &&
         ((text[end] >= '0' && text[end] <= '9') || text[end] == ';')) {
    ++end;
  }
  return end < text.size() && text[end] == 'm' ? end + 1 : 0;
}

struct Decoded {
  // 0 if the front of the text is not well-formed UTF-8.
  size_t length = 0;
  uint32_t rune = 0;
};

Decoded Decode(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {1, first};
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  uint32_t rune = first & (0xff >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    rune = rune << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = rune >= 0xd800 && rune <= 0xdfff;
  if (rune < kSmallest[length] || rune > 0x10ffff || surrogate) return {};
  return {length, rune};
}

bool IsHarmless(uint32_t rune) {
  if (rune == '\t') return true;
  const bool control = rune < 0x20 || (rune >= 0x7f && rune < 0xa0);
  // These make a line read differently from what it says.
  const bool reorders =
      (rune >= 0x202a && rune <= 0x202e) || (rune >= 0x2066 && rune <= 0x2069);
  const bool breaks_line = rune == 0x2028 || rune == 0x2029;
  return !control && !reorders && !breaks_line;
}

}  // namespace

std::string TerminalText(absl::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  std::string text;
  text.reserve(line.size());
  while (!line.empty()) {
    const size_t colour = ColourLength(line);
    if (colour > 0) {
      line.remove_prefix(colour);
      continue;
    }
    const Decoded next = Decode(line);
    const size_t length = next.length == 0 ? 1 : next.length;
    if (next.length > 0 && IsHarmless(next.rune)) {
      text.append(line.data(), length);
    } else {
      for (const char c : line.substr(0, length)) {
        absl::StrAppendFormat(&text, "\\x%02x", static_cast<uint8_t>(c));
      }
    }
    line.remove_prefix(length);
  }
  return text;
}

}  // namespace espalier
