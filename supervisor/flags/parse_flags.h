#ifndef ESPALIER_SUPERVISOR_FLAGS_PARSE_FLAGS_H_
#define ESPALIER_SUPERVISOR_FLAGS_PARSE_FLAGS_H_

#include "absl/status/status.h"

namespace espalier {

// Parses the command line into absl flags. InvalidArgument, in one sentence,
// for an unknown flag, a value that the flag refuses, and an argument that is
// no flag. (absl::ParseCommandLine would print several lines and exit with 1.)
// --help and its kin print and exit with 0.
absl::Status ParseFlags(int argc, char** argv);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_FLAGS_PARSE_FLAGS_H_
