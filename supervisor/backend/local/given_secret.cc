#include "supervisor/backend/local/given_secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

constexpr size_t kMaxBytes = 64 << 10;

absl::Status CheckFile(const std::string& path, const struct stat& file) {
  if (!S_ISREG(file.st_mode))
    return absl::InvalidArgumentError(
        absl::StrCat("the secret ", path, " is no regular file"));
  if ((file.st_mode & 077) != 0)
    return absl::InvalidArgumentError(absl::StrFormat(
        "the secret %s is open to others (mode %04o): chmod 600 it", path,
        file.st_mode & 07777));
  if (file.st_uid != 0 && file.st_uid != geteuid())
    return absl::InvalidArgumentError(
        absl::StrCat("the secret ", path, " belongs to another user"));
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  if (path.empty() || path[0] != '/')
    return absl::InvalidArgumentError(
        absl::StrCat("the path of the secret '", path, "' is not absolute"));
  // Never waits, should it be a pipe.
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat file;
  if (!fd.valid() || fstat(fd.get(), &file) != 0)
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot read the secret ", path));
  if (absl::Status status = CheckFile(path, file); !status.ok()) return status;
  std::string value(kMaxBytes + 1, '\0');
  const ssize_t size = read(fd.get(), value.data(), value.size());
  if (size < 0)
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot read the secret ", path));
  value.resize(size);
  return value;
}

absl::StatusOr<std::string> Read(absl::string_view where) {
  if (absl::ConsumePrefix(&where, "file:")) return ReadFile(std::string(where));
  absl::ConsumePrefix(&where, "variable:");
  const char* value = getenv(std::string(where).c_str());
  if (value != nullptr) return value;
  return absl::InvalidArgumentError(
      absl::StrCat("the environment variable ", where,
                   ", which is to hold a secret, is not set"));
}

}  // namespace

absl::StatusOr<std::string> ReadGivenSecret(absl::string_view where) {
  absl::StatusOr<std::string> read = Read(where);
  if (!read.ok()) return read;
  const std::string value(absl::StripSuffix(*read, "\n"));
  if (value.empty())
    return absl::InvalidArgumentError(
        absl::StrCat("the secret in ", where, " is empty"));
  if (value.size() > kMaxBytes ||
      std::any_of(value.begin(), value.end(), absl::ascii_iscntrl))
    return absl::InvalidArgumentError(
        absl::StrCat("the secret in ", where, " has more than ", kMaxBytes,
                     " bytes or a control character in it"));
  return value;
}

}  // namespace espalier
