#ifndef ESPALIER_SUPERVISOR_INSTANCE_PRIVATE_DIRECTORY_H_
#define ESPALIER_SUPERVISOR_INSTANCE_PRIVATE_DIRECTORY_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace espalier {

// Makes the directory `path`, whose parent must exist, with `mode`; or checks the one that is there: a directory and no
// symlink, ours, and not writable by anybody else; its mode is then narrowed to `mode`. What cannot be had is said in
// one sentence that names the path.
absl::Status MakePrivateDirectory(const std::string& path, mode_t mode);

// Makes missing parents of `path` with mode 0755 minus the umask (they are not ours alone, e.g. ~/.local), and `path`
// itself with MakePrivateDirectory().
absl::Status MakePrivateDirectoryAndParents(const std::string& path, mode_t mode);

// Whether `path` is a directory, no symlink, ours, and closed to everybody else.
bool IsPrivateDirectory(const std::string& path);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_INSTANCE_PRIVATE_DIRECTORY_H_
