#include "supervisor/backend/local/spawn_requests.h"

#include <grp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace espalier {
namespace {

uint32_t ResourceOf(ProcessLimit::What what) {
  switch (what) {
    case ProcessLimit::What::kOpenFiles:
      return RLIMIT_NOFILE;
    case ProcessLimit::What::kProcesses:
      return RLIMIT_NPROC;
    case ProcessLimit::What::kCoreBytes:
      return RLIMIT_CORE;
    case ProcessLimit::What::kFileBytes:
      return RLIMIT_FSIZE;
    case ProcessLimit::What::kLockedBytes:
      return RLIMIT_MEMLOCK;
    case ProcessLimit::What::kAddressBytes:
      return RLIMIT_AS;
    case ProcessLimit::What::kStackBytes:
      return RLIMIT_STACK;
    case ProcessLimit::What::kCpuSeconds:
      return RLIMIT_CPU;
  }
  return RLIMIT_NOFILE;
}

absl::StatusOr<std::vector<uint32_t>> GroupsOf(const ProcessRule& rule) {
  std::vector<uint32_t> groups;
  for (const std::string& name : rule.groups) {
    group entry;
    group* found = nullptr;
    std::vector<char> buffer(64 << 10);
    getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
      return absl::NotFoundError(
          absl::StrCat("there is no group '", name, "' on this machine"));
    }
    groups.push_back(entry.gr_gid);
  }
  return groups;
}

keeper::NotifyRule NotifyRuleOf(const Readiness& readiness) {
  if (readiness.watchdog() == absl::InfiniteDuration()) return {};
  return {.watchdog_ns = static_cast<uint64_t>(
              absl::ToInt64Nanoseconds(readiness.watchdog()))};
}

keeper::TreeLimits LimitsOf(const TreeRule& rule) {
  return {.memory_bytes = static_cast<uint64_t>(rule.memory_bytes.value_or(0)),
          .cpu_us = static_cast<uint64_t>(rule.processors.value_or(0) * 1e5),
          .tasks = static_cast<uint64_t>(rule.tasks.value_or(0))};
}

}  // namespace

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

absl::StatusOr<std::optional<ServiceUser>> SpawnRequests::UserOf(
    const ProcessRule& rule) const {
  if (!rule.user) return user_;
  if (!user_) {
    return absl::PermissionDeniedError(
        absl::StrCat("it is to run as the user '", *rule.user,
                     "', and only an environment that root runs can change the "
                     "user; run it as root, or leave the user out"));
  }
  return ServiceUser::ForServices(*rule.user);
}

absl::StatusOr<keeper::SpawnRequest> SpawnRequests::ForService(
    const ServiceDefinition& definition,
    const std::optional<ServiceUser>& user) {
  const Command& command = definition.command;
  absl::StatusOr<keeper::SpawnRequest> request =
      Make(definition, command.program, command.arguments, command.environment,
           user);
  if (!request.ok()) return request;
  if (const ProbeCommand* probe = command.readiness.probe()) {
    // Without it the service would never count as ready.
    if (auto found = FindProgram(probe->program); !found.ok())
      return found.status();
  }
  if (command.readiness.kind() == Readiness::Kind::kNewline)
    request->readiness_variable = command.readiness.variable();
  if (command.readiness.kind() == Readiness::Kind::kNotify)
    request->notify = NotifyRuleOf(command.readiness);
  request->tree = LimitsOf(command.tree);
  return request;
}

absl::StatusOr<keeper::SpawnRequest> SpawnRequests::ForProbe(
    const ServiceDefinition& definition, const ProbeCommand& probe,
    const std::optional<ServiceUser>& user) {
  return Make(definition, probe.program, probe.arguments, probe.environment,
              user);
}

absl::StatusOr<keeper::SpawnRequest> SpawnRequests::Make(
    const ServiceDefinition& definition, const Program& program,
    const std::vector<Text>& arguments,
    const std::vector<EnvironmentVariable>& environment,
    const std::optional<ServiceUser>& user) {
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
  const ProcessRule& rule = definition.command.process;
  absl::StatusOr<std::vector<uint32_t>> groups = GroupsOf(rule);
  if (!groups.ok()) return groups.status();
  if (!groups->empty() && !user) {
    return absl::PermissionDeniedError(
        "only an environment that root runs can give a service groups; run it "
        "as root, or leave the groups out");
  }
  if (user) {
    request.credentials = keeper::Credentials{
        .uid = user->uid, .gid = user->gid, .groups = *std::move(groups)};
  }
  request.umask = rule.umask;
  request.nice = rule.nice;
  request.no_new_privs = rule.no_new_privs;
  for (const ProcessLimit& limit : rule.limits) {
    request.limits.push_back({.resource = ResourceOf(limit.what),
                              .soft = limit.soft,
                              .hard = limit.hard});
  }
  return request;
}

}  // namespace espalier
