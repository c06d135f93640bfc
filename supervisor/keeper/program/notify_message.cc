#include "supervisor/keeper/program/notify_message.h"

#include <algorithm>

#include "supervisor/keeper/program/small_text.h"

namespace espalier::keeper {
namespace {

std::string Printable(std::string_view value) {
  std::string text(value.substr(0, kMaxStatusBytes));
  // Not in the middle of a character of UTF-8.
  if (value.size() > text.size()) {
    const auto continues = [](char c) { return (c & 0xC0) == 0x80; };
    if (continues(value[text.size()])) {
      while (!text.empty() && continues(text.back())) text.pop_back();
      if (!text.empty()) text.pop_back();
    }
  }
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 32 || c == 127; },
      '?');
  return text;
}

bool TakeLine(std::string_view name, std::string_view value,
              NotifyMessage* message) {
  if (name == "READY") message->ready |= value == "1";
  if (name == "STOPPING") message->stopping |= value == "1";
  if (name == "WATCHDOG") {
    message->watchdog |= value == "1";
    message->watchdog_trigger |= value == "trigger";
  }
  if (name == "STATUS") message->status = Printable(value);
  if (name == "MAINPID") {
    pid_t pid = 0;
    if (!TakeNumber(&value, &pid) || !value.empty() || pid <= 0) return false;
    message->main_pid = pid;
  }
  return true;
}

}  // namespace

std::optional<NotifyMessage> ParseNotify(std::string_view bytes) {
  if (bytes.size() > kMaxNotifyBytes) return std::nullopt;
  if (bytes.find('\0') != std::string_view::npos) return std::nullopt;
  NotifyMessage message;
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.empty()) continue;
    const size_t equals = line.find('=');
    if (equals == 0 || equals == std::string_view::npos) return std::nullopt;
    if (!TakeLine(line.substr(0, equals), line.substr(equals + 1), &message)) {
      return std::nullopt;
    }
  }
  return message;
}

}  // namespace espalier::keeper
