#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_PROGRAM_STAGING_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_PROGRAM_STAGING_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "supervisor/backend/local/service_user.h"

namespace espalier {

// Makes programs usable for a user who cannot reach them where they are: root's
// checkout lies below /root, which is closed to everybody else. A binary needs
// no help, since it is opened before the user changes. A script does: its
// interpreter opens it, and the files beside it, as the other user. So the
// runfiles it lies in are copied to where that user can read them, what has
// changed since the last time only.
class ProgramStaging {
 public:
  // `directory` is where copies go; it is made when it is needed. All its
  // parents must be open to everybody.
  ProgramStaging(std::string directory, ServiceUser user)
      : directory_(std::move(directory)), user_(std::move(user)) {}

  // Path of `program` as the user can run it: itself wherever possible. Errors
  // name the file that cannot be copied.
  absl::StatusOr<std::string> Stage(const std::string& program);

 private:
  const std::string directory_;
  const ServiceUser user_;
  std::string staged_runfiles_;  // what has been copied by this process
};

// Whether `user` may go through every directory on the way to `path`, as it is
// written and as it really is.
bool CanReach(const ServiceUser& user, const std::string& path);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_PROGRAM_STAGING_H_
