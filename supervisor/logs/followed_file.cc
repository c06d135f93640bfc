#include "supervisor/logs/followed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

constexpr size_t kChunk = 64 * 1024;

}  // namespace

FollowedFile::FollowedFile(std::string path, int64_t offset,
                           size_t max_line_bytes, int64_t end)
    : path_(std::move(path)), max_line_bytes_(max_line_bytes), end_(end) {
  Reopen([](absl::string_view) {});
  struct stat found;
  const bool exists = fd_.valid() && fstat(fd_.get(), &found) == 0;
  const int64_t size = exists ? found.st_size : 0;
  offset_ = offset < 0 ? size : std::min(offset, size);
}

bool FollowedFile::Reopen(const LineCallback& callback) {
  UniqueFd fd(
      open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat found;
  if (!fd.valid() || fstat(fd.get(), &found) != 0 || !S_ISREG(found.st_mode)) {
    return false;
  }
  if (fd_.valid()) {
    if (found.st_dev == device_ && found.st_ino == inode_) return false;
    Drain(callback);
  }
  fd_ = std::move(fd);
  device_ = found.st_dev;
  inode_ = found.st_ino;
  offset_ = 0;
  return true;
}

// Of a file that was replaced: nothing more will come.
void FollowedFile::Drain(const LineCallback& callback) {
  while (ReadSome(kChunk, callback)) {
  }
  FlushPartial(callback);
}

bool FollowedFile::ReadSome(size_t max_bytes, const LineCallback& callback) {
  if (!fd_.valid()) return false;
  std::string chunk(std::min(max_bytes, kChunk), '\0');
  while (max_bytes > 0) {
    struct stat found;
    if (fstat(fd_.get(), &found) != 0) return false;
    if (found.st_size < offset_) {
      FlushPartial(callback);
      offset_ = 0;
    }
    const int64_t size = std::min<int64_t>(found.st_size, end_);
    SkipHole(size, callback);
    if (offset_ >= size) return false;
    const size_t wanted = std::min(
        {max_bytes, chunk.size(), static_cast<size_t>(size - offset_)});
    const ssize_t count = pread(fd_.get(), chunk.data(), wanted, offset_);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    offset_ += count;
    max_bytes -= count;
    Consume(absl::string_view(chunk.data(), count), callback);
  }
  return true;
}

void FollowedFile::SkipHole(int64_t size, const LineCallback& callback) {
  if (size <= offset_) return;
  const off_t found = lseek(fd_.get(), offset_, SEEK_DATA);
  if (found < 0 && errno != ENXIO) return;
  const int64_t data = found < 0 ? size : std::min<int64_t>(found, size);
  if (data <= offset_) return;
  if (gone_ == 0) FlushPartial(callback);
  gone_ += data - offset_;
  offset_ = data;
}

absl::string_view FollowedFile::SkipCutLine(absl::string_view data,
                                            const LineCallback& callback) {
  const size_t newline = data.find('\n');
  const size_t cut = newline == data.npos ? data.size() : newline + 1;
  gone_ += static_cast<int64_t>(cut);
  if (newline != data.npos) TellLoss(callback);
  data.remove_prefix(cut);
  return data;
}

void FollowedFile::Consume(absl::string_view data,
                           const LineCallback& callback) {
  if (gone_ > 0) data = SkipCutLine(data, callback);
  while (!data.empty()) {
    const size_t newline = data.find('\n');
    const bool complete = newline != data.npos;
    const size_t room = max_line_bytes_ - partial_.size();
    const size_t length = std::min(complete ? newline : data.size(), room);
    partial_.append(data.data(), length);
    data.remove_prefix(length);
    const bool ended = complete && length == newline;
    if (ended) data.remove_prefix(1);
    const bool full = partial_.size() == max_line_bytes_;
    // A line that was told in full pieces has no empty one at its end.
    const bool told_already = ended && continued_ && partial_.empty();
    continued_ = full && !ended;
    if ((ended || full) && !told_already) {
      callback(std::exchange(partial_, std::string()));
    }
  }
}

int64_t FollowedFile::Unread() const {
  struct stat found;
  if (!fd_.valid() || fstat(fd_.get(), &found) != 0) return 0;
  // A smaller file was truncated, and is read from its beginning.
  return found.st_size < offset_ ? found.st_size : found.st_size - offset_;
}

void FollowedFile::FlushPartial(const LineCallback& callback) {
  TellLoss(callback);
  continued_ = false;
  if (partial_.empty()) return;
  callback(std::exchange(partial_, std::string()));
}

void FollowedFile::TellLoss(const LineCallback& callback) {
  if (gone_ == 0) return;
  callback(absl::StrCat("[… ", std::exchange(gone_, 0), " bytes are gone …]"));
}

}  // namespace espalier
