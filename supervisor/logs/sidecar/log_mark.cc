#include "supervisor/logs/sidecar/log_mark.h"

#include <zlib.h>

#include <type_traits>

namespace espalier {
namespace {

constexpr size_t kCheckBytes = 4;

template <typename T>
void Put(T value, std::string* out) {
  for (size_t i = 0; i < sizeof value; ++i) {
    out->push_back(static_cast<char>(
        static_cast<std::make_unsigned_t<T>>(value) >> 8 * i & 0xff));
  }
}

template <typename T>
T Take(std::string_view* bytes) {
  std::make_unsigned_t<T> value = 0;
  for (size_t i = 0; i < sizeof value; ++i) {
    value |= static_cast<std::make_unsigned_t<T>>(
                 static_cast<unsigned char>((*bytes)[i]))
             << 8 * i;
  }
  bytes->remove_prefix(sizeof value);
  return static_cast<T>(value);
}

uint32_t Check(std::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()),
            static_cast<uInt>(bytes.size())));
}

}  // namespace

uint64_t LogKey(std::string_view path) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : path.substr(path.rfind('/') + 1)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

void EncodeLogMark(const LogMark& mark, std::string* out) {
  std::string content;
  Put(mark.generation, &content);
  Put(mark.log, &content);
  Put(mark.offset, &content);
  Put(mark.time_us, &content);
  Put(Check(content), out);
  *out += content;
}

bool DecodeLogMark(std::string_view record, LogMark* mark) {
  if (record.size() < kLogMarkBytes) return false;
  record = record.substr(0, kLogMarkBytes);
  if (Take<uint32_t>(&record) != Check(record)) return false;
  static_assert(kLogMarkBytes == kCheckBytes + 28);
  mark->generation = Take<uint32_t>(&record);
  mark->log = Take<uint64_t>(&record);
  mark->offset = Take<int64_t>(&record);
  mark->time_us = Take<int64_t>(&record);
  return mark->offset >= 0;
}

DecodedLogMarks DecodeLogMarks(std::string_view sidecar) {
  DecodedLogMarks decoded;
  for (; sidecar.size() >= kLogMarkBytes;
       sidecar.remove_prefix(kLogMarkBytes)) {
    LogMark mark;
    if (DecodeLogMark(sidecar, &mark)) {
      decoded.marks.push_back(mark);
    } else {
      ++decoded.damaged;
    }
  }
  decoded.torn_bytes = sidecar.size();
  return decoded;
}

}  // namespace espalier
