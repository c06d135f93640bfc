#ifndef ESPALIER_SUPERVISOR_INSTANCE_PRIVATE_DIRECTORY_H_
#define ESPALIER_SUPERVISOR_INSTANCE_PRIVATE_DIRECTORY_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace espalier {

// Makes the directory `path`, whose parent must exist, with `mode` whatever the
// umask. One that is there already must be a directory and no symlink, ours,
// and writable by nobody else; its mode is then narrowed to `mode`. An error is
// one sentence that names the path; NotFoundError if the parent is missing.
absl::Status MakePrivateDirectory(const std::string& path, mode_t mode);

// Makes the directory `path` and its missing parents with `mode`, whatever the
// umask. What is there already is taken as it is: it may be the user's home, or
// /tmp.
absl::Status MakeDirectories(const std::string& path, mode_t mode);

// Whether `path` is a directory, no symlink, ours, and closed to others.
bool IsPrivateDirectory(const std::string& path);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_INSTANCE_PRIVATE_DIRECTORY_H_
