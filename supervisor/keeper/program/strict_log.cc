#include "supervisor/keeper/program/strict_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "supervisor/keeper/program/child.h"
#include "supervisor/keeper/program/small_text.h"
#include "supervisor/logs/sidecar/log_mark.h"

namespace espalier::keeper {
namespace {

constexpr off_t kLargestPiece = 1 << 20;
constexpr off_t kBytesPerTurn = 4 << 20;
// Holes begin and end at blocks; larger ones than any file system has.
constexpr off_t kBlock = 64 << 10;
// What is given back at once, beyond what has to be: some milliseconds, during
// which the pipe fills.
constexpr off_t kMostPunched = 16 << 20;
// What the last, begun blocks of the two files may take beyond their bytes.
constexpr off_t kReserve = 2 * kBlock;

int64_t NowUs() {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1000;
}

bool PunchHole(int fd, off_t begin, off_t end) {
  return end <= begin ||
         fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, begin,
                   end - begin) == 0;
}

// Opened out of the way of those descriptors that children copy.
OwnedFd OpenHigh(const std::string& path) {
  OwnedFd fd(open(path.c_str(),
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600));
  if (!fd) return fd;
  OwnedFd high(fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstHighFd));
  return high ? std::move(high) : std::move(fd);
}

bool FindBounds(int fd, off_t* begin, off_t* end) {
  struct stat found;
  if (fstat(fd, &found) != 0) return false;
  *end = found.st_size;
  const off_t data = lseek(fd, 0, SEEK_DATA);
  *begin = data >= 0 ? data - data % kBlock : (errno == ENXIO ? *end : 0);
  *begin -= *begin % kBlock;
  return true;
}

}  // namespace

StrictLog::StrictLog(std::string path, uint64_t generation, StrictLogRule rule,
                     OwnedFd pipe)
    : path_(std::move(path)),
      generation_(generation),
      rule_(rule),
      pipe_(std::move(pipe)) {}

bool StrictLog::Open() {
  if (file_) return true;
  OwnedFd file = OpenHigh(path_);
  if (!file || !FindBounds(file.get(), &begin_, &end_)) return false;
  // Without times the log is still a log.
  OpenTimes();
  file_ = std::move(file);
  return true;
}

bool StrictLog::OpenTimes() {
  OwnedFd times = OpenHigh(path_ + ".times");
  if (!times || !FindBounds(times.get(), &times_begin_, &times_end_)) {
    return false;
  }
  times_end_ -= times_end_ % static_cast<off_t>(kLogMarkBytes);
  for (off_t at = times_begin_; at < times_end_; at += kBlock) {
    char record[kLogMarkBytes];
    LogMark mark;
    if (pread(times.get(), record, sizeof record, at) == sizeof record &&
        DecodeLogMark({record, sizeof record}, &mark)) {
      blocks_.push_back({.log = mark.offset, .times = at});
    }
  }
  times_ = std::move(times);
  return true;
}

off_t StrictLog::Piece() const {
  const auto limit = static_cast<off_t>(rule_.max_bytes);
  return std::clamp<off_t>(limit / 8, kBlock, kLargestPiece);
}

bool StrictLog::MakeRoom(off_t bytes) {
  const auto limit = static_cast<off_t>(rule_.max_bytes) - kReserve;
  const auto over = [&] {
    return end_ + bytes - begin_ + (times_end_ - times_begin_) - limit;
  };
  if (over() <= 0) return true;
  // Some more, so that not every piece needs a hole.
  off_t to = begin_ + over() + std::min(limit / 8, kMostPunched);
  to = std::min(to - to % kBlock, end_ - end_ % kBlock);
  if (!PunchHole(file_.get(), begin_, to)) return false;
  begin_ = std::max(begin_, to);
  TrimTimes();
  return true;
}

void StrictLog::TrimTimes() {
  // The times of a block are needed until the next one begins before the log.
  while (blocks_.size() > 1 && blocks_[1].log <= begin_) blocks_.pop_front();
  if (blocks_.empty() || blocks_.front().times <= times_begin_) return;
  if (PunchHole(times_.get(), times_begin_, blocks_.front().times)) {
    times_begin_ = blocks_.front().times;
  }
}

StrictLog::Progress StrictLog::Pump(Passage& passage) {
  error_ = 0;
  const auto failed = [this] {
    error_ = errno;
    return rule_.drop ? Discard() : Progress::kBlocked;
  };
  if (!Open()) return failed();
  for (off_t moved = 0; moved < kBytesPerTurn;) {
    const off_t piece = Piece();
    if (!MakeRoom(piece) || !TellLoss()) return failed();
    const off_t begin = end_;
    const ssize_t n = passage.Move(pipe_.get(), file_.get(), &end_,
                                   static_cast<size_t>(piece));
    if (n > 0) {
      NoteTime(begin);
      moved += n;
    } else if (n == 0) {
      return Progress::kEnded;
    } else if (errno == EAGAIN) {
      return Progress::kEmpty;
    } else if (errno != EINTR) {
      return failed();
    }
  }
  return Progress::kMore;
}

StrictLog::Progress StrictLog::Discard() {
  char buffer[16 << 10];
  for (off_t taken = 0; taken < kLargestPiece;) {
    const ssize_t n = read(pipe_.get(), buffer, sizeof buffer);
    if (n == 0) return Progress::kEnded;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Progress::kEmpty;
    const auto lines =
        static_cast<uint64_t>(std::count(buffer, buffer + n, '\n'));
    lost_bytes_ += static_cast<uint64_t>(n);
    lost_lines_ += lines;
    untold_bytes_ += static_cast<uint64_t>(n);
    untold_lines_ += lines;
    taken += n;
  }
  return Progress::kMore;
}

bool StrictLog::TellLoss() {
  if (untold_bytes_ == 0) return true;
  char last = '\n';
  if (end_ > begin_ && pread(file_.get(), &last, 1, end_ - 1) != 1) last = 0;
  const std::string line = (last == '\n' ? "[… " : "\n[… ") +
                           Decimal(untold_bytes_) + " bytes and " +
                           Decimal(untold_lines_) +
                           " ends of lines were dropped …]\n";
  const ssize_t n = pwrite(file_.get(), line.data(), line.size(), end_);
  if (n != static_cast<ssize_t>(line.size())) {
    if (n >= 0) errno = ENOSPC;
    return false;
  }
  end_ += n;
  untold_bytes_ = untold_lines_ = 0;
  return true;
}

void StrictLog::NoteTime(off_t offset) {
  if (!times_) return;
  const int64_t now_us = NowUs();
  const bool many = times_end_ - times_begin_ > (end_ - begin_) / 4 + kBlock;
  const int64_t step_us = many ? 100'000 : 1'000;
  if (now_us / step_us == last_time_us_ / step_us) return;
  std::string record;
  EncodeLogMark({.generation = static_cast<uint32_t>(generation_),
                 .log = LogKey(path_),
                 .offset = offset,
                 .time_us = now_us},
                &record);
  if (pwrite(times_.get(), record.data(), record.size(), times_end_) !=
      static_cast<ssize_t>(record.size())) {
    return;
  }
  if (times_end_ % kBlock == 0) {
    blocks_.push_back({.log = offset, .times = times_end_});
  }
  times_end_ += static_cast<off_t>(record.size());
  last_time_us_ = now_us;
}

}  // namespace espalier::keeper
