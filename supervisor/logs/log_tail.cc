#include "supervisor/logs/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "supervisor/logs/terminal_text.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

constexpr absl::string_view kCut = "…";

// Reads [from, to) of the file, or as much of it as there is.
absl::StatusOr<std::string> ReadRange(int fd, int64_t from, int64_t to) {
  std::string data(to - from, '\0');
  size_t have = 0;
  while (have < data.size()) {
    const ssize_t count =
        pread(fd, data.data() + have, data.size() - have, from + have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::ErrnoToStatus(errno, "reading");
    if (count == 0) break;
    have += count;
  }
  data.resize(have);
  return data;
}

// Where the data begins which a hole at the front of the file has left.
int64_t SkipHole(int fd, int64_t from, int64_t size) {
  const off_t data = lseek(fd, from, SEEK_DATA);
  if (data >= 0) return std::min<int64_t>(data, size);
  // ENXIO: nothing but a hole up to the end. Other errors: no such thing here.
  return errno == ENXIO ? size : from;
}

std::string Shorten(absl::string_view line, size_t max_bytes) {
  if (line.size() <= max_bytes) return TerminalText(line);
  return absl::StrCat(TerminalText(line.substr(0, max_bytes)), kCut);
}

// Cuts the last lines off `data`, newest first, until `max_lines` of them.
std::vector<std::string> LastLines(absl::string_view data,
                                   const LogTail::Options& options,
                                   bool* has_more) {
  std::vector<std::string> lines;
  while (!data.empty() && lines.size() < options.max_lines) {
    absl::string_view line = data;
    if (line.back() == '\n') line.remove_suffix(1);
    const size_t newline = line.rfind('\n');
    const size_t begin = newline == line.npos ? 0 : newline + 1;
    lines.push_back(Shorten(line.substr(begin), options.max_line_bytes));
    data = data.substr(0, begin);
  }
  *has_more |= !data.empty();
  std::reverse(lines.begin(), lines.end());
  return lines;
}

}  // namespace

absl::StatusOr<LogTail> LogTail::Read(const std::string& path,
                                      const Options& options) {
  // O_NONBLOCK: opening somebody's FIFO must not wait for its writer.
  const UniqueFd fd(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat found;
  if (!fd.valid() || fstat(fd.get(), &found) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  }
  if (!S_ISREG(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot read ", path, ": it is not a file"));
  }
  const int64_t size = found.st_size;
  const int64_t oldest = std::clamp<int64_t>(options.from_offset, 0, size);
  const int64_t budget = static_cast<int64_t>(options.max_bytes);
  int64_t from = std::max(oldest, size - budget);
  LogTail tail;
  tail.has_more = from > oldest;
  tail.end_offset = size;
  const int64_t data_begin = SkipHole(fd.get(), from, size);
  const bool cut = data_begin > from;
  from = data_begin;
  absl::StatusOr<std::string> data = ReadRange(fd.get(), from, size);
  if (!data.ok()) {
    return absl::Status(
        data.status().code(),
        absl::StrCat("cannot read ", path, ": ", data.status().message()));
  }
  tail.end_offset = from + static_cast<int64_t>(data->size());
  absl::string_view text = *data;
  if (cut) {
    // The rest of a line whose beginning is gone says nothing.
    const size_t newline = text.find('\n');
    text = newline == text.npos ? "" : text.substr(newline + 1);
    tail.has_more = true;
  }
  tail.lines = LastLines(text, options, &tail.has_more);
  return tail;
}

}  // namespace espalier
