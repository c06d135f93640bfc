#include "supervisor/keeper/program/passage.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "supervisor/keeper/program/child.h"

namespace espalier::keeper {
namespace {

// What an unprivileged process may have at most, where nobody has changed it
// (/proc/sys/fs/pipe-max-size).
constexpr int kPipeBytes = 1 << 20;

// Out of the way of those descriptors that children copy.
OwnedFd High(int fd) {
  OwnedFd low(fd);
  return OwnedFd(fcntl(low.get(), F_DUPFD_CLOEXEC, kFirstHighFd));
}

}  // namespace

bool Passage::Open() {
  if (null_) return true;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return false;
  out_ = High(ends[0]);
  in_ = High(ends[1]);
  if (!out_ || !in_) return false;
  // A smaller one takes more turns.
  fcntl(in_.get(), F_SETPIPE_SZ, kPipeBytes);
  null_ = High(open("/dev/null", O_WRONLY | O_CLOEXEC));
  return static_cast<bool>(null_);
}

void Passage::Drop(int pipe, size_t bytes) {
  while (bytes > 0) {
    const ssize_t n =
        splice(pipe, nullptr, null_.get(), nullptr, bytes, SPLICE_F_NONBLOCK);
    if (n > 0) {
      bytes -= static_cast<size_t>(n);
    } else if (n == 0 || errno != EINTR) {
      return;
    }
  }
}

ssize_t Passage::Move(int pipe, int file, off_t* at, size_t most) {
  if (!Open()) {
    return splice(pipe, nullptr, file, at, most, SPLICE_F_NONBLOCK);
  }
  const ssize_t shown = tee(pipe, in_.get(), most, SPLICE_F_NONBLOCK);
  if (shown <= 0) return shown;
  ssize_t moved = 0;
  int error = 0;
  while (moved < shown && error == 0) {
    const ssize_t n = splice(out_.get(), nullptr, file, at,
                             static_cast<size_t>(shown - moved), 0);
    if (n > 0) {
      moved += n;
    } else if (n == 0 || errno != EINTR) {
      error = n == 0 ? EIO : errno;
    }
  }
  Drop(out_.get(), static_cast<size_t>(shown - moved));
  Drop(pipe, static_cast<size_t>(moved));
  if (moved > 0) return moved;
  errno = error;
  return -1;
}

}  // namespace espalier::keeper
