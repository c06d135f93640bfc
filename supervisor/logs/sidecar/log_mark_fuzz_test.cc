// Whatever bytes a sidecar has, it can be read, and what was read is what would
// be written.
#include <cstdint>
#include <string>
#include <string_view>

#include "glog/logging.h"
#include "supervisor/logs/sidecar/log_mark.h"

namespace espalier {
namespace {

void Check(std::string_view sidecar) {
  const DecodedLogMarks decoded = DecodeLogMarks(sidecar);
  CHECK_LT(decoded.torn_bytes, kLogMarkBytes);
  CHECK_EQ((decoded.marks.size() + decoded.damaged) * kLogMarkBytes +
               decoded.torn_bytes,
           sidecar.size());
  std::string again;
  for (const LogMark& mark : decoded.marks) {
    CHECK_GE(mark.offset, 0);
    const size_t begin = again.size();
    EncodeLogMark(mark, &again);
    CHECK(sidecar.find(std::string_view(again).substr(begin)) !=
          std::string_view::npos);
  }
  CHECK(DecodeLogMarks(again).marks == decoded.marks);
}

}  // namespace
}  // namespace espalier

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  espalier::Check({reinterpret_cast<const char*>(data), size});
  return 0;
}
