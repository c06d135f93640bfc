#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_SPAWN_REQUESTS_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_SPAWN_REQUESTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "supervisor/backend/backend.h"
#include "supervisor/backend/local/program_finder.h"
#include "supervisor/backend/local/program_staging.h"
#include "supervisor/backend/local/service_files.h"
#include "supervisor/backend/local/service_user.h"
#include "supervisor/keeper/protocol.h"

namespace espalier {

// Turns commands into what the keeper is asked for: programs are found, texts
// rendered, and the basic environment added. Errors say what is missing, and
// what to do. The loop's thread only.
class SpawnRequests {
 public:
  // `files` must outlive this. `staging_directory` is where programs are copied
  // that `user` could not reach otherwise.
  SpawnRequests(const ServiceFiles& files, ProgramFinder programs,
                std::optional<ServiceUser> user,
                const std::string& staging_directory);

  // Who runs the service: the user that the rule names, or the one of all
  // services. PermissionDenied where the user cannot be changed, NotFound if
  // there is none of that name.
  absl::StatusOr<std::optional<ServiceUser>> UserOf(
      const ProcessRule& rule) const;

  // For a run of the service, by `user` (from UserOf). Who it is (id,
  // generation) and where its output goes is left to the caller.
  absl::StatusOr<keeper::SpawnRequest> ForService(
      const ServiceDefinition& definition,
      const std::optional<ServiceUser>& user);
  // For a run of the program that finds out whether the service is ready.
  absl::StatusOr<keeper::SpawnRequest> ForProbe(
      const ServiceDefinition& definition, const ProbeCommand& probe,
      const std::optional<ServiceUser>& user);

 private:
  // As long as what was found is still there, it is not looked for again.
  absl::StatusOr<std::string> FindProgram(const Program& program);
  absl::StatusOr<keeper::SpawnRequest> Make(
      const ServiceDefinition& definition, const Program& program,
      const std::vector<Text>& arguments,
      const std::vector<EnvironmentVariable>& environment,
      const std::optional<ServiceUser>& user);

  const ServiceFiles& files_;
  const ProgramFinder programs_;
  const std::optional<ServiceUser> user_;
  std::optional<ProgramStaging> staging_;
  // By Program::name() and its directories: what was found, usable as it is.
  absl::flat_hash_map<std::string, std::string> found_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_SPAWN_REQUESTS_H_
