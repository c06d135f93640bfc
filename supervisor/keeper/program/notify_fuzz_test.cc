// Whatever comes as a notification is refused, or is bounded and printable.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "supervisor/keeper/program/notify_message.h"

namespace espalier::keeper {
namespace {

void Require(bool holds) {
  if (!holds) abort();
}

void Check(std::string_view bytes) {
  const auto message = ParseNotify(bytes);
  if (!message.has_value()) return;
  Require(bytes.size() <= kMaxNotifyBytes);
  Require(message->main_pid.value_or(1) > 0);
  if (!message->status.has_value()) return;
  Require(message->status->size() <= kMaxStatusBytes);
  for (char c : *message->status) {
    Require(static_cast<unsigned char>(c) >= 32 && c != 127);
  }
}

}  // namespace
}  // namespace espalier::keeper

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  espalier::keeper::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
