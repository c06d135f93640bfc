#ifndef ESPALIER_SERVICES_POSTGRES_COPY_TREE_H_
#define ESPALIER_SERVICES_POSTGRES_COPY_TREE_H_

#include <string>

#include "absl/status/status.h"

namespace espalier {

// Copies the directory `from` with all below it to `to`, which must not exist:
// directories (0700) and regular files (0600); anything else is an error. Where
// the file system can, the copy shares its blocks with the original. Not on
// disk yet when it returns. On errors, which name the file, what was copied so
// far is left.
absl::Status CopyTree(const std::string& from, const std::string& to);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_COPY_TREE_H_
