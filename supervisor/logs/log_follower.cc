#include "supervisor/logs/log_follower.h"

#include <limits.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "supervisor/logs/followed_file.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

// A file under its name, with what inotify watches for it.
struct Followed {
  Followed(std::string path, int64_t offset, size_t max_line_bytes)
      : base(std::filesystem::path(path).filename().string()),
        file(std::move(path), offset, max_line_bytes) {}

  const std::string base;
  FollowedFile file;
  // For another file of that name.
  int directory_watch = -1;
  // For what is written to this one; -1 if there is none.
  int file_watch = -1;
  // There may be something to read.
  bool dirty = true;
  // There may be another file at the path.
  bool replaced = false;
  // Nothing is told any more.
  bool removed = false;
};

class InotifyFollower final : public LogFollower {
 public:
  InotifyFollower(Loop* loop, LineCallback callback, Options options,
                  UniqueFd inotify)
      : loop_(loop),
        callback_(std::move(callback)),
        options_(options),
        inotify_(std::move(inotify)) {
    SetPaused(false);
  }

  absl::Status Add(const std::string& name, const std::string& path,
                   int64_t offset) override;
  void Remove(absl::string_view name) override;
  void Flush() override;
  void SetPaused(bool paused) override;

 private:
  void ReadEvents();
  void Mark(const inotify_event& event);
  void MarkAll();
  // Reads a bounded amount of every dirty file, and comes again for the rest.
  void Pump();
  void SchedulePump();
  // Opens and watches the file that is at the path now.
  void Reopen(const std::string& name, Followed& followed);
  FollowedFile::LineCallback Teller(const std::string& name,
                                    const Followed& followed);
  void Unwatch(int watch);

  // Shared, since a callback may remove what is being read.
  using Files = std::map<std::string, std::shared_ptr<Followed>, std::less<>>;

  Loop* const loop_;
  const LineCallback callback_;
  const Options options_;
  const UniqueFd inotify_;
  Files files_;
  bool paused_ = true;
  bool pump_scheduled_ = false;
  Loop::Watch readable_;
  // Whether this object is still there when a posted task runs.
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

absl::Status InotifyFollower::Add(const std::string& name,
                                  const std::string& path, int64_t offset) {
  if (files_.contains(name)) {
    return absl::AlreadyExistsError(
        absl::StrCat("the log of ", name, " is followed already"));
  }
  const std::string directory =
      std::filesystem::path(path).parent_path().string();
  const int watch = inotify_add_watch(inotify_.get(), directory.c_str(),
                                      IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
  if (watch < 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot watch the directory ", directory,
                            " for the log of ", name));
  }
  auto followed =
      std::make_shared<Followed>(path, offset, options_.max_line_bytes);
  followed->directory_watch = watch;
  files_.emplace(name, followed);
  Reopen(name, *followed);
  SchedulePump();
  return absl::OkStatus();
}

void InotifyFollower::Remove(absl::string_view name) {
  const auto found = files_.find(std::string(name));
  if (found == files_.end()) return;
  const std::shared_ptr<Followed> followed = found->second;
  files_.erase(found);
  followed->removed = true;
  Unwatch(followed->file_watch);
  Unwatch(followed->directory_watch);
}

void InotifyFollower::Unwatch(int watch) {
  if (watch < 0) return;
  for (const auto& [name, other] : files_) {
    if (other->file_watch == watch || other->directory_watch == watch) return;
  }
  inotify_rm_watch(inotify_.get(), watch);
}

FollowedFile::LineCallback InotifyFollower::Teller(const std::string& name,
                                                   const Followed& followed) {
  return [this, &name, &followed](absl::string_view line) {
    if (!followed.removed) callback_(name, line);
  };
}

void InotifyFollower::Reopen(const std::string& name, Followed& followed) {
  followed.replaced = false;
  // Again after each watch: what was watched must be what is read.
  do {
    const int old = std::exchange(followed.file_watch, -1);
    followed.file_watch = inotify_add_watch(
        inotify_.get(), followed.file.path().c_str(), IN_MODIFY);
    if (old != followed.file_watch) Unwatch(old);
  } while (followed.file.Reopen(Teller(name, followed)) && !followed.removed);
  followed.dirty = true;
}

void InotifyFollower::ReadEvents() {
  alignas(inotify_event) char buffer[16 * 1024];
  const ssize_t count = read(inotify_.get(), buffer, sizeof buffer);
  for (ssize_t at = 0; at < count;) {
    const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
    Mark(*event);
    at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
  }
  if (!pump_scheduled_) Pump();
}

void InotifyFollower::Mark(const inotify_event& event) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) return MarkAll();
  for (auto& [name, followed] : files_) {
    if (event.wd == followed->file_watch) {
      followed->dirty = true;
      // The kernel ends the watch of a file that is gone.
      if ((event.mask & IN_IGNORED) != 0) followed->file_watch = -1;
    }
    if (event.wd == followed->directory_watch && event.len > 0 &&
        followed->base == event.name) {
      followed->replaced = true;
    }
  }
}

void InotifyFollower::MarkAll() {
  for (auto& [name, followed] : files_) {
    followed->dirty = followed->replaced = true;
  }
}

void InotifyFollower::Pump() {
  // A copy, since callbacks may add and remove.
  const Files files = files_;
  bool more = false;
  for (const auto& [name, followed] : files) {
    if (paused_) return;
    if (followed->removed) continue;
    if (followed->replaced) Reopen(name, *followed);
    if (!followed->dirty) continue;
    followed->dirty = followed->file.ReadSome(options_.max_bytes_per_turn,
                                              Teller(name, *followed));
    more |= followed->dirty;
  }
  if (more) SchedulePump();
}

void InotifyFollower::SchedulePump() {
  if (pump_scheduled_ || paused_) return;
  pump_scheduled_ = true;
  loop_->Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.expired()) return;
    pump_scheduled_ = false;
    Pump();
  });
}

void InotifyFollower::Flush() {
  const Files files = files_;
  for (const auto& [name, followed] : files) {
    Reopen(name, *followed);
    const FollowedFile::LineCallback tell = Teller(name, *followed);
    followed->file.ReadSome(followed->file.Unread(), tell);
    followed->file.FlushPartial(tell);
  }
}

void InotifyFollower::SetPaused(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  if (paused) {
    readable_ = Loop::Watch();
    return;
  }
  readable_ = loop_->OnReadable(inotify_.get(), [this] { ReadEvents(); });
  MarkAll();
  SchedulePump();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogFollower>> LogFollower::Create(
    Loop* loop, LineCallback callback, Options options) {
  UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.valid()) {
    // The kernel says "too many open files", which sends people astray.
    if (errno == EMFILE) {
      return absl::ResourceExhaustedError(
          "cannot follow logs: this user has no inotify instance left; raise "
          "fs.inotify.max_user_instances, or this process's limit of files");
    }
    return absl::ErrnoToStatus(errno, "cannot follow logs");
  }
  return std::make_unique<InotifyFollower>(loop, std::move(callback), options,
                                           std::move(inotify));
}

}  // namespace espalier
