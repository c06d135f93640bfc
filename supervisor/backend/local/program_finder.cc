#include "supervisor/backend/local/program_finder.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

// The usual places, not the caller's PATH: what runs must not depend on who
// starts it.
constexpr const char* kSystemDirectories[] = {
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
    "/usr/bin",        "/sbin",          "/bin"};

bool IsExecutableFile(const std::string& path) {
  std::error_code error;
  return fs::is_regular_file(path, error) && access(path.c_str(), X_OK) == 0;
}

void AddIfDirectory(std::vector<std::string>& directories, std::string path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return;
  path = fs::absolute(path, error).string();
  if (std::find(directories.begin(), directories.end(), path) ==
      directories.end()) {
    directories.push_back(std::move(path));
  }
}

}  // namespace

ProgramFinder ProgramFinder::ForProcess(absl::string_view executable) {
  std::vector<std::string> runfiles;
  for (const char* variable : {"RUNFILES_DIR", "TEST_SRCDIR"}) {
    if (const char* value = getenv(variable)) AddIfDirectory(runfiles, value);
  }
  std::error_code error;
  const std::string real = fs::read_symlink("/proc/self/exe", error).string();
  AddIfDirectory(runfiles, absl::StrCat(executable, ".runfiles"));
  AddIfDirectory(runfiles, absl::StrCat(real, ".runfiles"));
  return ProgramFinder(std::move(runfiles));
}

absl::StatusOr<std::string> ProgramFinder::Find(const Program& program) const {
  return program.kind() == Program::Kind::kBuilt ? FindBuilt(program)
                                                 : FindSystem(program);
}

absl::StatusOr<std::string> ProgramFinder::FindBuilt(
    const Program& program) const {
  for (const std::string& root : runfiles_) {
    std::error_code error;
    for (const fs::directory_entry& repository :
         fs::directory_iterator(root, error)) {
      std::string path =
          absl::StrCat(repository.path().string(), "/", program.name());
      if (IsExecutableFile(path)) return path;
    }
  }
  return absl::NotFoundError(
      absl::StrCat("the program '", program.name(),
                   "' is not among the files that came along (",
                   runfiles_.empty() ? "there is no .runfiles directory"
                                     : absl::StrJoin(runfiles_, ", "),
                   "); is it in the `data` of the library that starts it, and "
                   "was the environment built and run by Bazel?"));
}

absl::StatusOr<std::string> ProgramFinder::FindSystem(
    const Program& program) const {
  std::vector<std::string> directories = program.directories();
  directories.insert(directories.end(), std::begin(kSystemDirectories),
                     std::end(kSystemDirectories));
  for (const std::string& directory : directories) {
    std::string path = absl::StrCat(directory, "/", program.name());
    if (IsExecutableFile(path) && hidden_.count(program.name()) == 0)
      return path;
  }
  return absl::NotFoundError(absl::StrCat(
      "the program '", program.name(), "' is not installed (looked in ",
      absl::StrJoin(directories, ", "),
      "); install it with: sudo apt-get install ", program.package()));
}

}  // namespace espalier
