#include "supervisor/environment/progress_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

constexpr size_t kMaxKept = 4 << 10;

// A description of our own, whose O_NONBLOCK nobody else sees; -1 where the
// system gives none (sockets, terminals of another user). Not of a regular
// file: it never blocks, and a second offset into it would overwrite what
// others write.
int Reopen(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0 || S_ISREG(status.st_mode)) return -1;
  return open(absl::StrCat("/proc/self/fd/", fd).c_str(),
              O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

}  // namespace

ProgressOutput::ProgressOutput(Loop& loop, int fd)
    : loop_(loop), own_(Reopen(fd)), fd_(own_.valid() ? own_.get() : fd) {}

void ProgressOutput::Write(std::string_view text) {
  if (pending_.size() + text.size() > kMaxPending) return;
  pending_.append(text);
  if (writable_ || soon_) return;
  soon_ = loop_.After(absl::ZeroDuration(), [this] { Flush(); });
}

void ProgressOutput::Flush() {
  soon_ = Loop::Watch();
  while (!pending_.empty()) {
    if (!own_.valid()) {
      // Only one that has room may be written to: the flag is not ours.
      pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
      if (poll(&entry, 1, 0) <= 0) break;
    }
    const ssize_t written = write(fd_, pending_.data(), pending_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) {
      // Nobody reads any more.
      pending_.clear();
      break;
    }
    pending_.erase(0, static_cast<size_t>(written));
  }
  if (pending_.empty()) {
    // A burst's memory is not kept while nothing happens.
    if (pending_.capacity() > kMaxKept) std::string().swap(pending_);
    writable_ = Loop::Watch();
  } else if (!writable_) {
    writable_ = loop_.OnWritable(fd_, [this] { Flush(); });
  }
}

void ProgressOutput::FlushWithin(absl::Duration longest) {
  const absl::Duration deadline = Loop::Now() + longest;
  for (Flush(); !pending_.empty(); Flush()) {
    const absl::Duration left = deadline - Loop::Now();
    pollfd entry{.fd = fd_, .events = POLLOUT, .revents = 0};
    if (left <= absl::ZeroDuration() ||
        poll(&entry, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) <
            0) {
      return;
    }
  }
}

}  // namespace espalier
