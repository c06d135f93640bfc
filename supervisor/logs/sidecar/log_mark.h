// What a sidecar of logs consists of, and how that is laid out in a file.
//
// A sidecar is a sequence of records of kLogMarkBytes each, without a header;
// all numbers are little-endian:
//
//   bytes   what
//    0– 3   CRC-32 (zlib's) of the bytes 4–31
//    4– 7   generation, counted from 1 in each run of an environment
//    8–15   which log: the FNV-1a hash (64 bits) of its file's name
//   16–23   offset in that log, in bytes
//   24–31   when that offset was reached, in microseconds since 1970
//
// Records are only ever appended. One that is damaged fails its check and is
// passed over; since all have one size, those behind it are found all the same.
// Bytes at the end that make no whole record are what a crash left of one.
//
// Pure; the keeper uses it as well, so it needs nothing but zlib.
#ifndef ESPALIER_SUPERVISOR_LOGS_SIDECAR_LOG_MARK_H_
#define ESPALIER_SUPERVISOR_LOGS_SIDECAR_LOG_MARK_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

inline constexpr size_t kLogMarkBytes = 32;

// Says when a log reached an offset.
struct LogMark {
  uint32_t generation = 0;
  uint64_t log = 0;
  int64_t offset = 0;
  int64_t time_us = 0;
  bool operator==(const LogMark&) const = default;
};

// LogMark::log of the file at `path`, of which only the last component counts.
uint64_t LogKey(std::string_view path);

// Appends one record.
void EncodeLogMark(const LogMark& mark, std::string* out);

// Reads the record that `record` begins with. False if it is too short or
// damaged, or an offset is negative.
bool DecodeLogMark(std::string_view record, LogMark* mark);

struct DecodedLogMarks {
  // In the order of the file.
  std::vector<LogMark> marks;
  // Whole records that were passed over.
  size_t damaged = 0;
  // Bytes at the end that make no record.
  size_t torn_bytes = 0;
};

DecodedLogMarks DecodeLogMarks(std::string_view sidecar);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_LOGS_SIDECAR_LOG_MARK_H_
