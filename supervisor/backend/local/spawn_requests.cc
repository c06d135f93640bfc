#include "supervisor/backend/local/spawn_requests.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace espalier {

SpawnRequests::SpawnRequests(const ServiceFiles& files, ProgramFinder programs,
                             std::optional<ServiceUser> user,
                             const std::string& staging_directory)
    : files_(files), programs_(std::move(programs)), user_(std::move(user)) {
  if (user_) staging_.emplace(staging_directory, *user_);
}

absl::StatusOr<std::string> SpawnRequests::FindProgram(const Program& program) {
  const std::string key = absl::StrCat(
      program.name(), "\n", absl::StrJoin(program.directories(), ":"));
  if (const auto known = found_.find(key); known != found_.end()) {
    if (access(known->second.c_str(), X_OK) == 0) return known->second;
    found_.erase(known);
  }
  absl::StatusOr<std::string> found = programs_.Find(program);
  if (found.ok() && staging_) found = staging_->Stage(*found);
  if (found.ok()) found_[key] = *found;
  return found;
}

absl::StatusOr<keeper::SpawnRequest> SpawnRequests::ForService(
    const ServiceDefinition& definition) {
  const Command& command = definition.command;
  absl::StatusOr<keeper::SpawnRequest> request =
      Make(definition, command.program, command.arguments, command.environment);
  if (!request.ok()) return request;
  if (const ProbeCommand* probe = command.readiness.probe()) {
    // Without it the service would never count as ready.
    if (auto found = FindProgram(probe->program); !found.ok())
      return found.status();
  }
  if (command.readiness.kind() == Readiness::Kind::kNewline)
    request->readiness_variable = command.readiness.variable();
  return request;
}

absl::StatusOr<keeper::SpawnRequest> SpawnRequests::ForProbe(
    const ServiceDefinition& definition, const ProbeCommand& probe) {
  return Make(definition, probe.program, probe.arguments, probe.environment);
}

absl::StatusOr<keeper::SpawnRequest> SpawnRequests::Make(
    const ServiceDefinition& definition, const Program& program,
    const std::vector<Text>& arguments,
    const std::vector<EnvironmentVariable>& environment) {
  absl::StatusOr<std::string> path = FindProgram(program);
  if (!path.ok()) return path.status();
  const std::string home = files_.DataDirectory(definition.path);
  keeper::SpawnRequest request;
  request.program = *path;
  request.argv = {*std::move(path)};
  request.environment = {
      "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
      "LANG=C.UTF-8", absl::StrCat("HOME=", home),
      absl::StrCat("TMPDIR=", files_.TemporaryDirectory())};
  request.working_directory =
      definition.command.working_directory
          ? files_.Locate(*definition.command.working_directory)
          : home;
  request.umask = 077;
  for (const Text& argument : arguments) {
    absl::StatusOr<std::string> rendered = files_.Render(argument);
    if (!rendered.ok()) return rendered.status();
    request.argv.push_back(*std::move(rendered));
  }
  for (const EnvironmentVariable& variable : environment) {
    absl::StatusOr<std::string> rendered = files_.Render(variable.value);
    if (!rendered.ok()) return rendered.status();
    request.environment.push_back(absl::StrCat(variable.name, "=", *rendered));
  }
  if (user_)
    request.credentials =
        keeper::Credentials{.uid = user_->uid, .gid = user_->gid, .groups = {}};
  return request;
}

}  // namespace espalier
