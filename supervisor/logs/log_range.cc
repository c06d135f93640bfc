#include "supervisor/logs/log_range.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "supervisor/logs/sidecar/generation_log.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

using Marks = std::vector<LogMark>;

// How far back the beginning of a line is looked for.
constexpr int64_t kLongestLine = 64 << 10;

struct OpenLog {
  UniqueFd fd;
  int64_t size = 0;
  // Where what is left of it begins.
  int64_t data = 0;
};

absl::StatusOr<OpenLog> Open(const std::string& path) {
  OpenLog log;
  log.fd = UniqueFd(
      open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat found;
  if (!log.fd.valid() || fstat(log.fd.get(), &found) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  }
  log.size = found.st_size;
  const off_t data = lseek(log.fd.get(), 0, SEEK_DATA);
  log.data = data >= 0 ? data : (errno == ENXIO ? log.size : 0);
  return log;
}

std::string Show(int64_t time_us) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixMicros(time_us),
                          absl::LocalTimeZone());
}

// Those of the latest run of the environment: each counts from 1 anew.
Marks LatestRuns(const Marks& marks) {
  size_t first = 0;
  for (size_t i = 1; i < marks.size(); ++i) {
    if (marks[i].generation <= marks[i - 1].generation) first = i;
  }
  return Marks(marks.begin() + static_cast<ptrdiff_t>(first), marks.end());
}

// "runs 3 (since …) to 7 (since …)"
std::string Available(const Marks& runs, int64_t data) {
  const LogMark* oldest = nullptr;
  for (size_t i = 0; i < runs.size() && oldest == nullptr; ++i) {
    const bool is_last = i + 1 == runs.size();
    if (is_last || runs[i + 1].offset > data) oldest = &runs[i];
  }
  if (oldest == nullptr) return "the log has no runs";
  const auto show = [](const LogMark& mark) {
    return absl::StrCat(mark.generation, " (since ", Show(mark.time_us), ")");
  };
  if (oldest == &runs.back()) {
    return absl::StrCat("the log has run ", show(*oldest));
  }
  return absl::StrCat("the log has the runs ", show(*oldest), " to ",
                      show(runs.back()));
}

absl::StatusOr<LogRange> Find(const std::string& path, const OpenLog& log,
                              LogGeneration wanted) {
  absl::StatusOr<Marks> marks = ReadGenerations(path);
  if (!marks.ok()) return marks.status();
  const Marks runs = LatestRuns(*marks);
  const auto found = std::find_if(
      runs.begin(), runs.end(),
      [&](const LogMark& mark) { return mark.generation == wanted.number; });
  if (found == runs.end()) {
    return absl::NotFoundError(absl::StrCat("there is no run ", wanted.number,
                                            "; ", Available(runs, log.data)));
  }
  LogRange range = {.begin = found->offset};
  if (found + 1 != runs.end()) range.end = (found + 1)->offset;
  const bool is_gone = log.data > 0 && range.end <= log.data;
  if (!is_gone) return range;
  return absl::NotFoundError(
      absl::StrCat("what run ", wanted.number,
                   " printed is gone, since the log has reached "
                   "its limit; ",
                   Available(runs, log.data)));
}

absl::StatusOr<LogRange> Find(const std::string&, const OpenLog& log,
                              LogOffset wanted) {
  if (wanted.bytes >= 0 && wanted.bytes <= log.size) {
    return LogRange{.begin = wanted.bytes};
  }
  return absl::OutOfRangeError(absl::StrCat("there is no offset ", wanted.bytes,
                                            "; the log has ", log.data, " to ",
                                            log.size));
}

int64_t BeginOfLine(const OpenLog& log, int64_t offset) {
  const int64_t from = std::max(log.data, offset - kLongestLine);
  std::string before(static_cast<size_t>(std::max<int64_t>(offset - from, 0)),
                     '\0');
  const ssize_t count = pread(log.fd.get(), before.data(), before.size(), from);
  if (count != static_cast<ssize_t>(before.size())) return offset;
  const size_t newline = before.rfind('\n');
  return newline == before.npos ? from
                                : from + static_cast<int64_t>(newline) + 1;
}

// The first of those at the end that are all at or after `time_us`: should the
// clock have been set back, earlier ones may be, too.
Marks::const_iterator FirstSince(const Marks& marks, int64_t time_us) {
  auto first = marks.end();
  while (first != marks.begin() && (first - 1)->time_us >= time_us) --first;
  return first;
}

absl::StatusOr<LogRange> Find(const std::string& path, const OpenLog& log,
                              LogSince wanted) {
  const int64_t time_us = absl::ToUnixMicros(wanted.time);
  absl::StatusOr<Marks> times = ReadLineTimes(path);
  if (!times.ok()) return times.status();
  const auto line = FirstSince(*times, time_us);
  // Before the first of them there may have been runs in file mode.
  if (line != times->begin()) {
    if (line == times->end()) return LogRange{.begin = log.size};
    return LogRange{.begin = BeginOfLine(log, line->offset)};
  }
  absl::StatusOr<Marks> runs = ReadGenerations(path);
  if (!runs.ok()) return runs.status();
  auto run = FirstSince(*runs, time_us);
  if (run != runs->begin()) --run;
  const int64_t begin = run == runs->end() ? 0 : run->offset;
  // What is gone by now was not asked for by its offset.
  return LogRange{.begin = begin};
}

}  // namespace

absl::StatusOr<LogRange> FindLogRange(const std::string& path,
                                      const LogPart& part) {
  absl::StatusOr<OpenLog> log = Open(path);
  if (!log.ok()) return log.status();
  return std::visit(
      [&](const auto& wanted) { return Find(path, *log, wanted); }, part);
}

}  // namespace espalier
