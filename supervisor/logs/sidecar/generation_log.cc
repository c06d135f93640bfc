#include "supervisor/logs/sidecar/generation_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path));
}

bool WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return SystemError("read", path);
  // A hole at the front has been trimmed.
  if (lseek(fd.get(), 0, SEEK_DATA) < 0) lseek(fd.get(), 0, SEEK_SET);
  std::string bytes;
  char buffer[64 << 10];
  while (true) {
    const ssize_t count = read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read", path);
    if (count == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(count));
  }
}

// Those of one log.
absl::StatusOr<std::vector<LogMark>> ReadMarks(const std::string& sidecar,
                                               const std::string& log_path) {
  absl::StatusOr<std::string> bytes = ReadWhole(sidecar);
  if (absl::IsNotFound(bytes.status())) return std::vector<LogMark>();
  if (!bytes.ok()) return bytes.status();
  std::vector<LogMark> marks = DecodeLogMarks(*bytes).marks;
  const uint64_t log = LogKey(log_path);
  std::erase_if(marks, [log](const LogMark& mark) { return mark.log != log; });
  return marks;
}

}  // namespace

std::string GenerationLog::PathBeside(absl::string_view log_path) {
  return absl::StrCat(log_path.substr(0, log_path.rfind('/') + 1),
                      "generations");
}

absl::StatusOr<GenerationLog> GenerationLog::Open(const std::string& path,
                                                  Options options) {
  UniqueFd fd(open(path.c_str(),
                   O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat found;
  if (!fd.valid() || fstat(fd.get(), &found) != 0) {
    return SystemError("open", path);
  }
  const off_t whole = found.st_size - found.st_size % kLogMarkBytes;
  if (whole != found.st_size && ftruncate(fd.get(), whole) != 0) {
    return SystemError("repair", path);
  }
  return GenerationLog(path, options, std::move(fd),
                       static_cast<size_t>(whole));
}

GenerationLog::GenerationLog(std::string path, Options options, UniqueFd fd,
                             size_t size)
    : path_(std::move(path)),
      options_(options),
      fd_(std::move(fd)),
      size_(size),
      compact_above_(options.max_bytes) {}

void GenerationLog::Add(absl::string_view log_path, uint64_t generation,
                        int64_t offset, absl::Time time) {
  EncodeLogMark(
      {.generation = static_cast<uint32_t>(generation),
       .log = LogKey(std::string_view(log_path.data(), log_path.size())),
       .offset = offset,
       .time_us = absl::ToUnixMicros(time)},
      &pending_);
}

absl::Status GenerationLog::Flush() {
  if (pending_.empty()) return absl::OkStatus();
  const std::string bytes = std::exchange(pending_, std::string());
  if (!WriteAll(fd_.get(), bytes)) {
    const absl::Status failed = SystemError("write to", path_);
    // What did get there would shift everything behind it.
    if (ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
      return SystemError("repair", path_);
    }
    return failed;
  }
  size_ += bytes.size();
  return size_ > compact_above_ ? Compact() : absl::OkStatus();
}

absl::Status GenerationLog::Compact() {
  absl::StatusOr<std::string> bytes = ReadWhole(path_);
  if (!bytes.ok()) return bytes.status();
  std::vector<LogMark> marks = DecodeLogMarks(*bytes).marks;
  // Newest first.
  std::reverse(marks.begin(), marks.end());
  absl::flat_hash_set<uint64_t> seen;
  size_t room = options_.max_bytes / 2 / kLogMarkBytes;
  std::vector<LogMark> kept;
  for (const LogMark& mark : marks) {
    const bool latest = seen.insert(mark.log).second;
    if (room == 0 && !latest) continue;
    if (room > 0) --room;
    kept.push_back(mark);
  }
  std::string compacted;
  for (auto mark = kept.rbegin(); mark != kept.rend(); ++mark) {
    EncodeLogMark(*mark, &compacted);
  }
  const std::string temporary = path_ + ".new";
  UniqueFd fd(open(temporary.c_str(),
                   O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid() || !WriteAll(fd.get(), compacted) ||
      rename(temporary.c_str(), path_.c_str()) != 0) {
    const absl::Status failed = SystemError("rewrite", path_);
    unlink(temporary.c_str());
    compact_above_ = size_ + options_.max_bytes;
    return failed;
  }
  fd_ = std::move(fd);
  size_ = compacted.size();
  compact_above_ = std::max(options_.max_bytes, size_ + options_.max_bytes / 4);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<LogMark>> ReadGenerations(
    const std::string& log_path) {
  return ReadMarks(GenerationLog::PathBeside(log_path), log_path);
}

absl::StatusOr<std::vector<LogMark>> ReadLineTimes(
    const std::string& log_path) {
  return ReadMarks(log_path + ".times", log_path);
}

}  // namespace espalier
