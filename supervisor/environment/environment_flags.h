#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_ENVIRONMENT_FLAGS_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_ENVIRONMENT_FLAGS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/environment/plan.h"

namespace espalier {

// What can be said to every environment on its command line.
struct EnvironmentFlags {
  bool check = false;                 // start, see that all is ready, stop
  std::optional<PlanFormat> plan;     // print it instead of running
  bool follow = false;                // show logs in the terminal
  std::vector<std::string> followed;  // whose; empty means everybody's
  std::map<std::string, std::string> external;
  std::string instance;
  std::string data_dir;
  std::string user;
};

// Parses the command line with Abseil's flags, which --help explains (it is
// printed here, and the process ends). Before the arguments, those in the file
// espalier.local.flags of the workspace are taken, if there is one.
// InvalidArgumentError for what makes no sense. An unknown flag ends the
// process with a message and exit code 1.
absl::StatusOr<EnvironmentFlags> ParseEnvironmentFlags(
    int argc, char** argv, absl::string_view name,
    absl::string_view description);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_ENVIRONMENT_FLAGS_H_
