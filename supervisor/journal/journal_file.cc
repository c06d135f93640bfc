#include "supervisor/journal/journal_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "supervisor/journal/record.h"

namespace espalier {
namespace {

absl::StatusOr<std::string> ReadAll(int fd, const std::string& path) {
  struct stat info = {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " is not a regular file"));
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t size = pread(fd, bytes.data() + got, bytes.size() - got,
                               static_cast<off_t>(got));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
    }
    if (size == 0) break;
    got += static_cast<size_t>(size);
  }
  bytes.resize(got);
  return bytes;
}

std::string LatestOf(RecordScanner& scanner) {
  absl::string_view latest;
  while (const auto body = scanner.Next()) latest = *body;
  return std::string(latest);
}

}  // namespace

absl::StatusOr<std::string> ReadJournalFile(const std::string& path) {
  const UniqueFd fd(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  }
  return ReadAll(fd.get(), path);
}

absl::Status JournalFile::Error(absl::string_view what) const {
  // A short write says no more than that.
  return absl::ErrnoToStatus(
      errno != 0 ? errno : ENOSPC,
      absl::StrCat("cannot ", what, " the journal ", path_));
}

absl::StatusOr<JournalFile::Contents> JournalFile::Open() {
  UniqueFd fd(open(
      path_.c_str(),
      O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd.valid()) return Error("open");
  const absl::StatusOr<std::string> bytes = ReadAll(fd.get(), path_);
  if (!bytes.ok()) return bytes.status();
  RecordScanner scanner(*bytes);
  Contents contents = {.latest = LatestOf(scanner)};
  contents.damaged = scanner.damaged();
  size_ = static_cast<int64_t>(scanner.end());
  if (scanner.torn() > 0 && ftruncate(fd.get(), size_) != 0) {
    return Error("cut");
  }
  fd_ = std::move(fd);
  if (contents.latest.empty()) contents.latest = LatestOfPredecessor();
  if (size_ > 0) return contents;
  const absl::Status written = Write(kJournalHeader);
  return written.ok() ? absl::StatusOr<Contents>(contents) : written;
}

std::string JournalFile::LatestOfPredecessor() const {
  const absl::StatusOr<std::string> bytes =
      ReadJournalFile(absl::StrCat(path_, ".1"));
  if (!bytes.ok()) return "";
  RecordScanner scanner(*bytes);
  return LatestOf(scanner);
}

absl::Status JournalFile::Append(absl::string_view records) {
  if (!fd_.valid()) {
    if (const auto opened = Open(); !opened.ok()) return opened.status();
  }
  // A file that has no record yet takes any.
  const auto size = static_cast<int64_t>(records.size());
  if (size_ > static_cast<int64_t>(kJournalHeader.size()) &&
      size_ + size > max_bytes_) {
    if (absl::Status rotated = Rotate(); !rotated.ok()) return rotated;
  }
  return Write(records);
}

absl::Status JournalFile::Rotate() {
  if (rename(path_.c_str(), absl::StrCat(path_, ".1").c_str()) != 0) {
    return Error("rotate");
  }
  fd_ = UniqueFd();
  return Open().status();
}

absl::Status JournalFile::Write(absl::string_view bytes) {
  errno = 0;
  const ssize_t written = write(fd_.get(), bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size())) {
    size_ += written;
    return absl::OkStatus();
  }
  const absl::Status error = Error("write");
  // If that fails as well, opening it anew cuts off what was written of it.
  if (ftruncate(fd_.get(), size_) != 0) fd_ = UniqueFd();
  return error;
}

}  // namespace espalier
