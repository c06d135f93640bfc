#include "supervisor/journal/record.h"

#include <cstdint>

#include "absl/strings/match.h"
#include "glog/logging.h"
#include "supervisor/journal/crc32c.h"

namespace espalier {

const absl::string_view kJournalHeader =
    R"(espalier journal, format 1: what happened in an instance of an environment.
Read it with: envctl events

Behind this text are records, one after the other. A record is
  4 bytes   FF 4A 31 FE
  4 bytes   the length of its body: 1 to 65536
  4 bytes   the CRC-32C of the length and the body
  the body  a protobuf message espalier.journal.v1.Event, see event.proto
Numbers are little-endian. Bytes that are no record are to be skipped up to the
next whole one. The last record may be incomplete.

)";

namespace {

constexpr absl::string_view kMarker("\xFF\x4A\x31\xFE", 4);
constexpr size_t kLengthAt = 4;
constexpr size_t kCrcAt = 8;

void AppendNumber(uint32_t number, std::string& out) {
  for (int shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<char>(number >> shift));
  }
}

uint32_t NumberAt(absl::string_view bytes, size_t position) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) {
    number |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[position + i]))
              << (8 * i);
  }
  return number;
}

uint32_t CrcOf(absl::string_view length, absl::string_view body) {
  return Crc32c(body, Crc32c(length));
}

// The body of the record with which `bytes` begin, if they do.
std::optional<absl::string_view> RecordAt(absl::string_view bytes) {
  if (bytes.size() < kRecordOverhead || !absl::StartsWith(bytes, kMarker)) {
    return std::nullopt;
  }
  const size_t length = NumberAt(bytes, kLengthAt);
  if (length == 0 || length > kMaxRecordBody ||
      length > bytes.size() - kRecordOverhead) {
    return std::nullopt;
  }
  const absl::string_view body = bytes.substr(kRecordOverhead, length);
  if (CrcOf(bytes.substr(kLengthAt, 4), body) != NumberAt(bytes, kCrcAt)) {
    return std::nullopt;
  }
  return body;
}

// Whether `bytes` may be the beginning of a record whose rest is missing.
bool IsTorn(absl::string_view bytes) {
  if (bytes.size() < kMarker.size()) return absl::StartsWith(kMarker, bytes);
  if (!absl::StartsWith(bytes, kMarker)) return false;
  if (bytes.size() < kRecordOverhead) return true;
  const size_t length = NumberAt(bytes, kLengthAt);
  return length > 0 && length <= kMaxRecordBody &&
         length > bytes.size() - kRecordOverhead;
}

}  // namespace

void AppendRecord(absl::string_view body, std::string& file) {
  CHECK(!body.empty() && body.size() <= kMaxRecordBody) << body.size();
  std::string length;
  AppendNumber(static_cast<uint32_t>(body.size()), length);
  file.append(kMarker.data(), kMarker.size());
  file.append(length);
  AppendNumber(CrcOf(length, body), file);
  file.append(body.data(), body.size());
}

RecordScanner::RecordScanner(absl::string_view file) : file_(file) {
  if (absl::StartsWith(file, kJournalHeader)) {
    position_ = kJournalHeader.size();
  }
}

std::optional<absl::string_view> RecordScanner::Next() {
  for (size_t at = position_; at < file_.size() && !finished_; ++at) {
    at = file_.find(kMarker[0], at);
    if (at == absl::string_view::npos) break;
    const std::optional<absl::string_view> body = RecordAt(file_.substr(at));
    if (!body.has_value()) continue;
    if (at != position_) ++damaged_;
    position_ = at + kRecordOverhead + body->size();
    return body;
  }
  if (!finished_) Finish();
  return std::nullopt;
}

// No whole record follows. The rest is torn from where a record may begin that
// the file is too short for.
void RecordScanner::Finish() {
  finished_ = true;
  size_t at = position_;
  if (at == 0 && absl::StartsWith(kJournalHeader, file_)) {
    torn_ = file_.size();
    return;
  }
  while (at < file_.size() && !IsTorn(file_.substr(at))) ++at;
  if (at != position_) ++damaged_;
  position_ = at;
  torn_ = file_.size() - at;
}

}  // namespace espalier
