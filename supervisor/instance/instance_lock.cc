#include "supervisor/instance/instance_lock.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "supervisor/instance/lock_holder.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

// OFD locks rather than flock(): they can be asked about without being taken,
// so that listing instances never gets in the way of a start.
struct flock WholeFile(short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string OwnCommandLine() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string line((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  while (!line.empty() && line.back() == '\0') line.pop_back();
  std::replace(line.begin(), line.end(), '\0', ' ');
  return line;
}

LockHolder ThisProcess(const InstancePaths& paths) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return LockHolder{.environment = paths.environment(),
                    .instance = paths.instance(),
                    .pid = getpid(),
                    .host = host,
                    .boot_id = BootId(),
                    .since = absl::Now(),
                    .command_line = OwnCommandLine(),
                    .control_socket = paths.control_socket(),
                    .state_directory = paths.state_directory()};
}

absl::Status RunsAlready(const InstancePaths& paths, const LockHolder& holder) {
  const std::string started =
      holder.command_line.empty()
          ? ""
          : absl::StrCat(", started as `", holder.command_line, "`");
  return absl::AlreadyExistsError(absl::StrFormat(
      "environment `%s`, instance `%s`, is running already: %s%s; run another "
      "one beside it with --instance=NAME, or stop it with: envctl stop "
      "--environment=%s --instance=%s",
      paths.environment(), paths.instance(), holder.Describe(), started,
      paths.environment(), paths.instance()));
}

absl::Status WriteHolder(int fd, const InstancePaths& paths) {
  const std::string text = ThisProcess(paths).Serialize();
  const bool written =
      ftruncate(fd, 0) == 0 && pwrite(fd, text.data(), text.size(), 0) ==
                                   static_cast<ssize_t>(text.size());
  if (written) return absl::OkStatus();
  // A short write says no more than that.
  const int error = errno != 0 ? errno : ENOSPC;
  return absl::ErrnoToStatus(
      error, absl::StrCat("cannot write the lock file ", paths.lock_file(),
                          "; choose another place with --data_dir=DIRECTORY"));
}

}  // namespace

absl::StatusOr<InstanceLock> InstanceLock::Acquire(const InstancePaths& paths) {
  UniqueFd fd(open(paths.lock_file().c_str(),
                   O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot open the lock file ", paths.lock_file()));
  }
  struct flock wanted = WholeFile(F_WRLCK);
  while (fcntl(fd.get(), F_OFD_SETLK, &wanted) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
      return absl::ErrnoToStatus(
          errno, absl::StrCat("cannot lock ", paths.lock_file()));
    }
    struct flock asked = WholeFile(F_WRLCK);
    if (fcntl(fd.get(), F_OFD_GETLK, &asked) == 0 && asked.l_type == F_WRLCK) {
      return RunsAlready(
          paths, FindLockHolder(paths.lock_file()).value_or(LockHolder()));
    }
    // Whoever waited for the end of the previous holder has it for a moment.
    sched_yield();
  }
  errno = 0;
  absl::Status written = WriteHolder(fd.get(), paths);
  if (!written.ok()) return written;
  return InstanceLock(fd.Release());
}

InstanceLock& InstanceLock::operator=(InstanceLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

InstanceLock::~InstanceLock() {
  if (fd_ < 0) return;
  (void)!ftruncate(fd_, 0);
  close(fd_);
}

absl::Status WaitUntilUnlocked(const std::string& lock_file) {
  const UniqueFd fd(open(lock_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", lock_file));
  }
  struct flock wanted = WholeFile(F_RDLCK);
  while (fcntl(fd.get(), F_OFD_SETLKW, &wanted) != 0) {
    if (errno == EINTR) continue;
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot wait for ", lock_file));
  }
  return absl::OkStatus();
}

}  // namespace espalier
