#ifndef ESPALIER_SUPERVISOR_ENVIRONMENT_PLAN_H_
#define ESPALIER_SUPERVISOR_ENVIRONMENT_PLAN_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/environment/environment_body.h"

namespace espalier {

// An environment on paper: what would run, with which arguments, and who uses
// whom. The same on every machine.
struct Plan {
  struct Service {
    std::string path;
    std::string program;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // NAME=value
    std::vector<std::pair<std::string, std::string>>
        endpoints;                                           // name, address
    std::vector<std::pair<std::string, std::string>> files;  // path, contents
    std::vector<std::string> needs;
    std::vector<std::string> start_needs = {};  // what it needs only to start
    std::string readiness;
    // How it is asked to end; empty if by SIGTERM, and killed after 10 s.
    std::string stop = {};
    // How it reads its files again; empty if it does not.
    std::string reload = {};
    // What a program is given that a person runs with `envctl exec`: NAME=value
    // for each, or the name of a program and arguments for that one.
    std::vector<std::string> client = {};
    bool external = false;
    int descriptors = 0;  // Kept open for it while it runs; not printed.

    friend bool operator==(const Service&, const Service&) = default;
  };
  std::vector<Service> services;  // in the order in which they start

  friend bool operator==(const Plan&, const Plan&) = default;
};

// Runs the environment's function without running anything else. What is wrong
// with its wiring (a name used twice, a command that cannot work, an unknown
// name in `external`) is the error.
absl::StatusOr<Plan> MakePlan(
    const EnvironmentBody& body,
    const std::map<std::string, std::string>& external);

enum class PlanFormat { kText, kJson, kGraphviz };

// `name` is the environment's.
std::string FormatPlan(const Plan& plan, absl::string_view name,
                       PlanFormat format);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_ENVIRONMENT_PLAN_H_
