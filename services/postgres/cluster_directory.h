#ifndef ESPALIER_SERVICES_POSTGRES_CLUSTER_DIRECTORY_H_
#define ESPALIER_SERVICES_POSTGRES_CLUSTER_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace espalier {

// What the programs have in common that make a data directory of PostgreSQL: it
// appears whole or not at all, whenever they are killed. All of it blocks.

// Whether there is one at `path`, finished.
bool IsCluster(const std::string& path);

// An error if there is something at `path` that is none, and so must not be
// touched. `advice` is a sentence: what a person can do about it.
absl::Status CheckPlace(const std::string& path, absl::string_view advice);

// An error that names `package` if `program` cannot be run.
absl::Status CheckInstalled(const std::string& program,
                            absl::string_view package);

// A new directory beside `path`, for what will become it. The caller removes
// it.
absl::StatusOr<std::string> MakeBeside(const std::string& path);

// Runs a program to its end, an error if that is not exit code 0. What it
// prints goes where the caller's output goes.
absl::Status RunToEnd(const std::vector<std::string>& command);

// Gives a directory that is complete its name, once all of it is on disk.
absl::Status PutInPlace(const std::string& made, const std::string& cluster);

// `what` was being done to `path`; errno says why it was not.
absl::Status SystemError(absl::string_view what, const std::string& path);

}  // namespace espalier

#endif  // ESPALIER_SERVICES_POSTGRES_CLUSTER_DIRECTORY_H_
