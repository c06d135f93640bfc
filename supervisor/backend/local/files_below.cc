#include "supervisor/backend/local/files_below.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace espalier {
namespace {

absl::Status SystemError(absl::string_view what, const std::string& path) {
  if (errno == ELOOP || errno == ENOTDIR) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, " ", path,
                     ": a part of that path is a link or a file; nothing was "
                     "written through it"));
  }
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

absl::StatusOr<std::vector<std::string>> Steps(absl::string_view relative) {
  std::vector<std::string> steps;
  if (relative.empty()) return steps;
  for (absl::string_view step : absl::StrSplit(relative, '/')) {
    if (step.empty() || step == "." || step == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("'", relative, "' is not a path below a directory"));
    }
    steps.emplace_back(step);
  }
  return steps;
}

absl::Status GiveTo(const std::optional<ServiceUser>& owner, int fd,
                    const std::string& path) {
  if (!owner || fchown(fd, owner->uid, owner->gid) == 0)
    return absl::OkStatus();
  return SystemError(absl::StrCat("cannot give to the user ", owner->name),
                     path);
}

constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;

// The directory `name` in `parent`. It may be made by somebody else meanwhile.
absl::StatusOr<UniqueFd> MakeIn(int parent, const std::string& name,
                                const std::string& path,
                                const std::optional<ServiceUser>& owner) {
  const bool made = mkdirat(parent, name.c_str(), 0700) == 0;
  if (!made && errno != EEXIST)
    return SystemError("cannot make the directory", path);
  UniqueFd directory(openat(parent, name.c_str(), kDirectory));
  if (!directory.valid()) return SystemError("cannot make the directory", path);
  if (made) {
    if (absl::Status given = GiveTo(owner, directory.get(), path); !given.ok())
      return given;
  }
  return directory;
}

// The directory in which the last step of `relative` lies.
struct Place {
  UniqueFd directory;
  std::string name;
  std::string path;  // whole, for errors
};

absl::StatusOr<Place> PlaceOf(const std::string& root,
                              absl::string_view relative) {
  absl::StatusOr<std::vector<std::string>> steps = Steps(relative);
  if (!steps.ok()) return steps.status();
  if (steps->empty())
    return absl::InvalidArgumentError("a directory is not a file");
  Place place{.directory = UniqueFd(open(root.c_str(), kDirectory)),
              .name = std::move(steps->back()),
              .path = absl::StrCat(root, "/", relative)};
  steps->pop_back();
  for (const std::string& step : *steps) {
    if (!place.directory.valid()) break;
    place.directory =
        UniqueFd(openat(place.directory.get(), step.c_str(), kDirectory));
  }
  if (!place.directory.valid()) return SystemError("cannot open", place.path);
  return place;
}

absl::Status WriteAll(int fd, absl::string_view contents,
                      const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("cannot write", path);
    contents.remove_prefix(written);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UniqueFd> MakeDirectoryBelow(
    const std::string& root, absl::string_view relative,
    const std::optional<ServiceUser>& owner) {
  absl::StatusOr<std::vector<std::string>> steps = Steps(relative);
  if (!steps.ok()) return steps.status();
  UniqueFd at(open(root.c_str(), kDirectory));
  if (!at.valid()) return SystemError("cannot open the directory", root);
  std::string path = root;
  for (const std::string& step : *steps) {
    absl::StrAppend(&path, "/", step);
    absl::StatusOr<UniqueFd> next = MakeIn(at.get(), step, path, owner);
    if (!next.ok()) return next.status();
    at = *std::move(next);
  }
  return at;
}

absl::StatusOr<std::string> ReadFileBelow(const std::string& root,
                                          absl::string_view relative) {
  absl::StatusOr<Place> place = PlaceOf(root, relative);
  if (!place.ok()) return place.status();
  // A pipe of that name would block whoever opens it.
  const UniqueFd fd(openat(place->directory.get(), place->name.c_str(),
                           O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) return SystemError("cannot open", place->path);
  struct stat found;
  if (fstat(fd.get(), &found) != 0)
    return SystemError("cannot read", place->path);
  if (!S_ISREG(found.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot read ", place->path, ": it is not a file"));
  }
  std::string contents;
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd.get(), buffer, sizeof buffer)) > 0)
    contents.append(buffer, got);
  if (got < 0) return SystemError("cannot read", place->path);
  return contents;
}

absl::Status WriteFileBelow(const std::string& root, absl::string_view relative,
                            absl::string_view contents,
                            const std::optional<ServiceUser>& owner,
                            Durability durability) {
  absl::StatusOr<Place> place = PlaceOf(root, relative);
  if (!place.ok()) return place.status();
  const int directory = place->directory.get();
  const std::string temporary = absl::StrCat(place->name, ".new");
  // Left by a run that was killed, or put there to be written through.
  unlinkat(directory, temporary.c_str(), 0);
  const UniqueFd fd(openat(directory, temporary.c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                           0600));
  if (!fd.valid()) return SystemError("cannot make", place->path);
  absl::Status status = WriteAll(fd.get(), contents, place->path);
  if (status.ok() && durability == Durability::kOnDisk && fsync(fd.get()) != 0)
    status = SystemError("cannot write", place->path);
  if (status.ok()) status = GiveTo(owner, fd.get(), place->path);
  if (status.ok() && renameat(directory, temporary.c_str(), directory,
                              place->name.c_str()) != 0)
    status = SystemError("cannot make", place->path);
  if (!status.ok()) unlinkat(directory, temporary.c_str(), 0);
  return status;
}

}  // namespace espalier
