#include "supervisor/logs/log_trimmer.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

// No disk and no memory takes more.
constexpr double kMostBytesPerSecond = 4.0 * (1 << 30);
// What is punched in one turn of the loop: some milliseconds.
constexpr int64_t kMostPunched = 16 << 20;
// Holes begin and end at blocks; larger ones than any file system has.
constexpr int64_t kBlock = 64 << 10;

// How much is left after a trim, so that not every write needs one.
int64_t Target(int64_t max_bytes) { return max_bytes - max_bytes / 8; }

// Of a thread, which owns the UniqueFd.
void* Close(void* fd) {
  delete static_cast<UniqueFd*>(fd);
  return nullptr;
}

}  // namespace

int LogTrimmer::PunchHole(int fd, off_t begin, off_t length) {
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, begin,
                   length);
}

LogTrimmer::LogTrimmer(Loop* loop,
                       std::function<void(const absl::Status&)> complain,
                       Options options)
    : loop_(loop),
      complain_(std::move(complain)),
      options_(std::move(options)) {}

LogTrimmer::~LogTrimmer() {
  if (closing_) pthread_join(*closing_, nullptr);
}

void LogTrimmer::Watch(const std::string& path, int64_t max_bytes) {
  const auto found = by_path_.find(path);
  File& file = found != by_path_.end()
                   ? **found
                   : files_.emplace_back(File{.path = path});
  by_path_.insert(&file);
  file.max_bytes = max_bytes;
  // What has just been started is likely to write.
  BeginChecks(file);
}

void LogTrimmer::WindDown() {
  if (std::exchange(winding_down_, true)) return;
  for (File& file : files_) BeginChecks(file);
  readable_ = Loop::Watch();
  if (!inotify_.valid()) return;
  auto given_up = std::make_unique<UniqueFd>(std::move(inotify_));
  pthread_t thread;
  // Where the user may have no more threads, closing it here only takes longer.
  if (pthread_create(&thread, nullptr, Close, given_up.get()) != 0) return;
  given_up.release();  // The thread's.
  closing_ = thread;
}

// The first write from now on is told, and no other.
void LogTrimmer::Arm(File& file) {
  if (!inotify_.valid()) {
    inotify_ = UniqueFd(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (inotify_.valid()) {
      readable_ = loop_->OnReadable(inotify_.get(), [this] { ReadEvents(); });
    }
  }
  const int watch = inotify_add_watch(inotify_.get(), file.path.c_str(),
                                      IN_MODIFY | IN_ONESHOT);
  if (watch >= 0) {
    by_watch_[watch] = &file;
  } else if (errno != ENOENT) {
    Complain(absl::ResourceExhaustedError(absl::StrCat(
        "cannot watch the size of ", file.path,
        ", which is now limited only when its service starts; raise "
        "fs.inotify.max_user_watches and fs.inotify.max_user_instances")));
  }
  struct stat now;
  if (stat(file.path.c_str(), &now) != 0) return;
  const bool other = std::exchange(file.inode, now.st_ino) != now.st_ino;
  if (other || now.st_size < file.size) file.begin = -1;
  // What was written before it was watched.
  if (other || now.st_size != file.size) BeginChecks(file);
}

void LogTrimmer::ReadEvents() {
  alignas(inotify_event) char buffer[16 * 1024];
  const ssize_t count = read(inotify_.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < count;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
    at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
    if ((event->mask & IN_Q_OVERFLOW) != 0) {
      for (File& file : files_) BeginChecks(file);
    }
    const auto found = by_watch_.find(event->wd);
    if (found == by_watch_.end()) continue;
    File& file = *found->second;
    // The kernel ends the watch with the first event.
    if ((event->mask & IN_IGNORED) != 0) by_watch_.erase(found);
    if ((event->mask & IN_MODIFY) != 0) BeginChecks(file);
  }
}

void LogTrimmer::BeginChecks(File& file) {
  if (!std::exchange(file.growing, true)) {
    growing_.push_back(&file);
  }
  // How fast is not known yet.
  Schedule(std::clamp(TimeToFill(file, 0), options_.min_interval,
                      options_.max_interval));
}

void LogTrimmer::Schedule(absl::Duration delay) {
  const absl::Duration at = Loop::Now() + delay;
  if (at >= next_check_) return;
  next_check_ = at;
  timer_ = loop_->After(delay, [this] { CheckAll(); });
}

void LogTrimmer::CheckAll() {
  next_check_ = absl::InfiniteDuration();
  absl::Duration next = absl::InfiniteDuration();
  std::vector<File*> still;
  for (File* file : std::exchange(growing_, {})) {
    absl::Duration delay = Check(*file);
    if (winding_down_) delay = std::min(delay, options_.max_interval);
    if (delay == absl::InfiniteDuration()) {
      file->growing = false;
      still.push_back(file);
    } else {
      growing_.push_back(file);
      next = std::min(next, delay);
    }
  }
  last_check_ = Loop::Now();
  if (!growing_.empty()) Schedule(next);
  for (File* file : still) Arm(*file);
}

absl::Duration LogTrimmer::Check(File& file) {
  struct stat now;
  if (stat(file.path.c_str(), &now) != 0) {
    file.size = 0;
    return absl::InfiniteDuration();
  }
  if (now.st_ino != file.inode || now.st_size < file.size) file.begin = -1;
  file.inode = now.st_ino;
  const int64_t grown = now.st_size - std::exchange(file.size, now.st_size);
  if (file.size - std::max<int64_t>(file.begin, 0) > file.max_bytes) {
    if (absl::Status trimmed = Trim(file); !trimmed.ok()) {
      Complain(trimmed);
    } else if (file.size - file.begin > file.max_bytes) {
      // What one turn may punch was not enough.
      return absl::ZeroDuration();
    }
  }
  if (grown == 0) return absl::InfiniteDuration();
  return std::clamp(TimeToFill(file, grown), options_.min_interval,
                    options_.max_interval);
}

absl::Status LogTrimmer::Trim(File& file) {
  const UniqueFd fd(
      open(file.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd.valid()) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", file.path));
  }
  if (file.begin < 0) {
    // Whoever trimmed it in an earlier run of the environment.
    const off_t data = lseek(fd.get(), 0, SEEK_DATA);
    file.begin = data > 0 ? data : 0;
    if (file.size - file.begin <= file.max_bytes) return absl::OkStatus();
  }
  int64_t to = file.size - Target(file.max_bytes);
  to = std::min(to, file.begin + kMostPunched);
  to -= to % kBlock;
  if (to <= file.begin) return absl::OkStatus();
  const int64_t from = file.begin - file.begin % kBlock;
  if (options_.punch_hole(fd.get(), from, to - from) == 0) {
    file.begin = to;
    return absl::OkStatus();
  }
  if (errno != EOPNOTSUPP) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot trim ", file.path));
  }
  return absl::UnimplementedError(
      absl::StrCat(file.path, " has reached its limit of ", file.max_bytes,
                   " bytes, and goes on growing: its file system cannot give "
                   "back the front of a file; use another one (--data_dir)"));
}

absl::Duration LogTrimmer::TimeToFill(const File& file, int64_t grown) const {
  const int64_t room =
      file.max_bytes - (file.size - std::max<int64_t>(file.begin, 0));
  const double seconds = absl::ToDoubleSeconds(
      std::max(Loop::Now() - last_check_, absl::Milliseconds(1)));
  // It may grow faster than it did.
  const double rate = grown == 0 ? kMostBytesPerSecond
                                 : 4 * static_cast<double>(grown) / seconds;
  return absl::Seconds(static_cast<double>(std::max<int64_t>(room, 0)) / rate);
}

void LogTrimmer::Complain(absl::Status status) {
  if (std::count(complained_.begin(), complained_.end(), status.code()) > 0) {
    return;
  }
  complained_.push_back(status.code());
  complain_(status);
}

}  // namespace espalier
