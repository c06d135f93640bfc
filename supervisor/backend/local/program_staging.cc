#include "supervisor/backend/local/program_staging.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

bool MayEnter(const ServiceUser& user, const fs::path& directory) {
  struct stat status;
  if (stat(directory.c_str(), &status) != 0) return false;
  const mode_t bit = status.st_uid == user.uid   ? S_IXUSR
                     : status.st_gid == user.gid ? S_IXGRP
                                                 : S_IXOTH;
  return (status.st_mode & bit) != 0;
}

bool MayEnterAllAbove(const ServiceUser& user, const fs::path& path) {
  for (fs::path at = path.parent_path(); at.has_relative_path();
       at = at.parent_path()) {
    if (!MayEnter(user, at)) return false;
  }
  return true;
}

bool IsScript(const std::string& program) {
  std::ifstream file(program, std::ios::binary);
  char start[2] = {};
  return file.read(start, sizeof start) && start[0] == '#' && start[1] == '!';
}

// "/x/two.runfiles/espalier/services/a" -> "/x/two.runfiles"; empty if it lies
// in none.
fs::path RunfilesAround(const fs::path& program) {
  for (fs::path at = program.parent_path(); at.has_relative_path();
       at = at.parent_path()) {
    if (at.extension() == ".runfiles") return at;
  }
  return {};
}

bool IsUpToDate(const fs::path& from, const fs::path& to) {
  struct stat original, copy;
  return stat(from.c_str(), &original) == 0 && stat(to.c_str(), &copy) == 0 &&
         original.st_size == copy.st_size &&
         original.st_mtim.tv_sec == copy.st_mtim.tv_sec &&
         original.st_mtim.tv_nsec == copy.st_mtim.tv_nsec;
}

std::error_code CopyFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (IsUpToDate(from, to)) return error;
  fs::remove(to,
             error);  // never write through a link that somebody has put there
  if (!fs::copy_file(from, to, error)) return error;
  fs::permissions(to,
                  fs::perms::owner_all | fs::perms::group_read |
                      fs::perms::group_exec | fs::perms::others_read |
                      fs::perms::others_exec,
                  error);
  if (!error) fs::last_write_time(to, fs::last_write_time(from, error), error);
  return error;
}

// One that the services' user can enter, whatever the umask.
std::error_code MakeOpenDirectory(const fs::path& path) {
  std::error_code error;
  fs::create_directory(path, error);
  if (!error) fs::permissions(path, fs::perms(0755), error);
  return error;
}

absl::Status CannotCopy(const fs::path& from, const fs::path& to,
                        const std::error_code& error) {
  return absl::UnavailableError(
      absl::StrCat("cannot copy ", from.string(), " to ", to.string(),
                   " for the user that services run as: ", error.message()));
}

// Copies what links point to, not the links. The directory above `to` must
// exist.
absl::Status CopyTree(const fs::path& from, const fs::path& to) {
  std::error_code error = MakeOpenDirectory(to);
  for (auto it = fs::directory_iterator(from, error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    const fs::path target = to / it->path().filename();
    if (fs::is_directory(it->path())) {
      if (absl::Status status = CopyTree(it->path(), target); !status.ok())
        return status;
    } else if (fs::is_regular_file(it->path())) {
      error = CopyFile(it->path(), target);
    }
  }
  return error ? CannotCopy(from, to, error) : absl::OkStatus();
}

}  // namespace

bool CanReach(const ServiceUser& user, const std::string& path) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  return !error && MayEnterAllAbove(user, path) && MayEnterAllAbove(user, real);
}

absl::StatusOr<std::string> ProgramStaging::Stage(const std::string& program) {
  if (!IsScript(program) || CanReach(user_, program)) return program;
  const fs::path runfiles = RunfilesAround(program);
  if (runfiles.empty()) {
    return absl::PermissionDeniedError(absl::StrCat(
        "the user ", user_.name, " cannot reach the script ", program,
        ", and it lies in no .runfiles directory that could be copied"));
  }
  const fs::path copy = fs::path(directory_) / runfiles.filename();
  if (staged_runfiles_ != runfiles) {
    if (std::error_code error = MakeOpenDirectory(directory_))
      return CannotCopy(runfiles, copy, error);
    if (absl::Status status = CopyTree(runfiles, copy); !status.ok())
      return status;
    staged_runfiles_ = runfiles.string();
  }
  // By name only: what lies in runfiles are links, which lead elsewhere.
  return (copy / fs::path(program).lexically_relative(runfiles)).string();
}

}  // namespace espalier
