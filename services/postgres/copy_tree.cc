#include "services/postgres/copy_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

absl::Status CannotCopy(const std::string& from, const std::string& to,
                        int error) {
  return absl::ErrnoToStatus(error,
                             absl::StrCat("cannot copy ", from, " to ", to));
}

absl::Status CopyFile(const std::string& from, const std::string& to) {
  const UniqueFd in(open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in.valid()) return CannotCopy(from, to, errno);
  const UniqueFd out(
      open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out.valid()) return CannotCopy(from, to, errno);
  if (ioctl(out.get(), FICLONE, in.get()) == 0) return absl::OkStatus();
  ssize_t copied;
  do {
    copied = sendfile(out.get(), in.get(), nullptr, 1 << 30);
  } while (copied > 0 || (copied < 0 && errno == EINTR));
  return copied == 0 ? absl::OkStatus() : CannotCopy(from, to, errno);
}

}  // namespace

absl::Status CopyTree(const std::string& from, const std::string& to) {
  if (mkdir(to.c_str(), 0700) != 0) return CannotCopy(from, to, errno);
  std::error_code error;
  for (auto it = fs::directory_iterator(from, error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string source = it->path().string();
    const std::string target =
        absl::StrCat(to, "/", it->path().filename().string());
    const fs::file_type type = it->symlink_status(error).type();
    absl::Status status = absl::OkStatus();
    if (type == fs::file_type::directory) {
      status = CopyTree(source, target);
    } else if (type == fs::file_type::regular) {
      status = CopyFile(source, target);
    } else {
      status = CannotCopy(source, target, EINVAL);
    }
    if (!status.ok()) return status;
  }
  return error ? CannotCopy(from, to, error.value()) : absl::OkStatus();
}

}  // namespace espalier
