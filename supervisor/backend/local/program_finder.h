#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_PROGRAM_FINDER_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_PROGRAM_FINDER_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/wiring/command.h"

namespace espalier {

// Where the programs of commands are on this machine. A value type; any thread.
class ProgramFinder {
 public:
  // `runfiles` are directories that hold what Bazel built, one directory for
  // each repository below them:
  // "<program>.runfiles".
  explicit ProgramFinder(std::vector<std::string> runfiles)
      : runfiles_(std::move(runfiles)) {}

  // The one that suits this process: $RUNFILES_DIR, $TEST_SRCDIR, or beside
  // `executable` (argv[0] or its real path).
  static ProgramFinder ForProcess(absl::string_view executable);

  // Programs of the system, by name, that it does not find. For tests.
  void Hide(std::set<std::string> programs) { hidden_ = std::move(programs); }

  // Absolute path of an executable file. NotFoundError says what is missing,
  // where it was looked for, and what to do.
  absl::StatusOr<std::string> Find(const Program& program) const;

 private:
  absl::StatusOr<std::string> FindBuilt(const Program& program) const;
  absl::StatusOr<std::string> FindSystem(const Program& program) const;

  std::vector<std::string> runfiles_;
  std::set<std::string> hidden_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_PROGRAM_FINDER_H_
