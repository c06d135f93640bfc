#include "supervisor/testing/file_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>

#include "glog/logging.h"

namespace espalier {

FileWatch::FileWatch(const std::string& path)
    : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  PCHECK(inotify_.valid());
  inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY);
}

void FileWatch::AwaitWrite(absl::Duration at_most) const {
  pollfd watched = {.fd = inotify_.get(), .events = POLLIN, .revents = 0};
  poll(&watched, 1, static_cast<int>(absl::ToInt64Milliseconds(at_most)));
  std::array<char, 4096> events;
  while (read(inotify_.get(), events.data(), events.size()) > 0) {
  }
}

}  // namespace espalier
