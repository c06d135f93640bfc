// Numbers as text and back, and pieces of text, without the C++ library's
// locale machinery.
#ifndef SUPERVISOR_KEEPER_PROGRAM_SMALL_TEXT_H_
#define SUPERVISOR_KEEPER_PROGRAM_SMALL_TEXT_H_

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace espalier::keeper {

inline std::string Decimal(uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return std::string(digits, end);
}

// Takes a number from the front of `*text`. False, and nothing is taken, if
// there is none or it does not fit.
template <typename T>
bool TakeNumber(std::string_view* text, T* value) {
  const auto [end, error] =
      std::from_chars(text->data(), text->data() + text->size(), *value);
  if (error != std::errc()) return false;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return true;
}

// Takes the next piece up to `separator`, which it drops.
inline std::string_view TakePiece(std::string_view* text, char separator) {
  const size_t end = std::min(text->find(separator), text->size());
  const std::string_view piece = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return piece;
}

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_SMALL_TEXT_H_
