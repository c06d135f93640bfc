// Whatever arrives on the keeper's socket, or on its client's, is refused or is
// a message, which is the same when it is sent on.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "supervisor/keeper/protocol.h"

namespace espalier::keeper {
namespace {

void Require(bool holds) {
  if (!holds) abort();
}

template <typename Message>
void CheckFrame(std::string_view frame) {
  Message message;
  if (!Decode(frame, &message)) return;
  std::string bytes;
  Encode(message, &bytes);
  std::string_view again;
  size_t consumed = 0;
  Require(NextFrame(bytes, &again, &consumed) == FrameResult::kFrame);
  Require(consumed == bytes.size());
  Message second;
  Require(Decode(again, &second));
  Require(second == message);
}

void Check(std::string_view stream) {
  // A body by itself, so that not every input needs a length that fits.
  CheckFrame<Request>(stream);
  CheckFrame<Event>(stream);
  std::string_view frame;
  size_t consumed = 0;
  while (NextFrame(stream, &frame, &consumed) == FrameResult::kFrame) {
    Require(consumed <= stream.size());
    CheckFrame<Request>(frame);
    CheckFrame<Event>(frame);
    stream.remove_prefix(consumed);
  }
}

}  // namespace
}  // namespace espalier::keeper

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  espalier::keeper::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
