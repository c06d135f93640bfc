#include "supervisor/instance/private_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

absl::Status CannotMake(const std::string& path, int error) {
  if (error == ENOTDIR) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot make the directory ", path,
                     ": a part of that path is a file, not a directory"));
  }
  return absl::ErrnoToStatus(error,
                             absl::StrCat("cannot make the directory ", path));
}

absl::Status CannotSetMode(const std::string& path) {
  return absl::ErrnoToStatus(
      errno, absl::StrCat("cannot set the mode of the directory ", path));
}

// Of a directory that was just made, and is open to fewer than `mode` says
// where the umask has taken something away.
absl::Status SetMode(const std::string& path, mode_t mode) {
  const UniqueFd fd(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid() || fchmod(fd.get(), mode) != 0) return CannotSetMode(path);
  return absl::OkStatus();
}

absl::Status CheckOwner(const std::string& path, const struct stat& found) {
  if (found.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("cannot use the directory %s: it belongs to the user "
                        "with the number %d, and this is the user %d",
                        path, found.st_uid, geteuid()));
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "cannot use the directory %s: others may write to it (mode %04o); "
        "take that away with: chmod go-w %s",
        path, found.st_mode & 07777, path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MakePrivateDirectory(const std::string& path, mode_t mode) {
  const bool made = mkdir(path.c_str(), mode) == 0;
  if (!made && errno != EEXIST) return CannotMake(path, errno);
  // Everything else goes through the descriptor, so that what was checked is
  // what is used.
  const UniqueFd fd(
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOTDIR || errno == ELOOP) {
      return absl::FailedPreconditionError(absl::StrCat(
          "cannot use ", path, ": it is not a directory but a file or a link"));
    }
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot use the directory ", path));
  }
  struct stat found;
  if (fstat(fd.get(), &found) != 0) return CannotMake(path, errno);
  if (!made) {
    const absl::Status mine = CheckOwner(path, found);
    if (!mine.ok()) return mine;
  }
  if ((found.st_mode & 07777) != mode && fchmod(fd.get(), mode) != 0)
    return CannotSetMode(path);
  return absl::OkStatus();
}

absl::Status MakeDirectories(const std::string& path, mode_t mode) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), mode) == 0) {
      absl::Status set = SetMode(part, mode);
      if (!set.ok()) return set;
    } else {
      const int error = errno;
      struct stat found;
      // mkdir() may say EROFS or EACCES of what exists.
      if (stat(part.c_str(), &found) != 0) return CannotMake(part, error);
      if (!S_ISDIR(found.st_mode)) {
        return absl::FailedPreconditionError(absl::StrCat(
            "cannot make the directory ", path, ": ", part, " is a file"));
      }
    }
    if (end == std::string::npos) return absl::OkStatus();
  }
}

bool IsPrivateDirectory(const std::string& path) {
  struct stat found;
  return lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode) &&
         found.st_uid == geteuid() && (found.st_mode & 077) == 0;
}

}  // namespace espalier
