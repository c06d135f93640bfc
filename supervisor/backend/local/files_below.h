#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_FILES_BELOW_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_FILES_BELOW_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/local/service_user.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {

// Files and directories below a root, in directories that belong to somebody
// less trusted than we are: root's environment makes files where its services'
// user may put whatever he likes. So no link is ever followed below the root,
// neither at the end of a path nor on the way, and each step goes through the
// descriptor of the last one: what was checked is what is used.
//
// Relative paths are names joined by '/'; "..", "." and empty names are
// refused. What is made is for its owner only (0700, 0600) and belongs to
// `owner`, or to us where there is none. Errors name the whole path and say
// what the system said; FailedPrecondition for a link or a file where a
// directory should be.

// Opens a directory; those that are missing are made.
absl::StatusOr<UniqueFd> MakeDirectoryBelow(
    const std::string& root, absl::string_view relative,
    const std::optional<ServiceUser>& owner);

// What the regular file holds. NotFound if there is none.
absl::StatusOr<std::string> ReadFileBelow(const std::string& root,
                                          absl::string_view relative);

// What a power cut may leave of a file that was just written.
enum class Durability {
  // Anything: for what is compared before each use, and written anew.
  kRewritable,
  // The whole file, or none of that name. Costs a few milliseconds on a disk.
  kOnDisk,
};

// Puts a file with these contents in the place of whatever bears the name; the
// directory must exist. It is whole before it takes the name.
absl::Status WriteFileBelow(const std::string& root, absl::string_view relative,
                            absl::string_view contents,
                            const std::optional<ServiceUser>& owner,
                            Durability durability);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_FILES_BELOW_H_
