#include "tools/envctl/service_client.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace espalier {
namespace {

std::string BaseName(const std::string& program) {
  return program.substr(program.rfind('/') + 1);
}

absl::StatusOr<ServiceSnapshot> Find(
    const std::vector<ServiceSnapshot>& services, const std::string& name) {
  std::vector<std::string> names;
  for (const ServiceSnapshot& service : services) {
    if (service.name == name) return service;
    names.push_back(service.name);
  }
  return absl::NotFoundError(
      absl::StrCat("no service is called `", name,
                   "`; the services are: ", absl::StrJoin(names, ", ")));
}

}  // namespace

absl::StatusOr<ServiceClient> ServiceClient::Make(
    const std::vector<ServiceSnapshot>& services, const std::string& service,
    absl::Span<const std::string> program) {
  absl::StatusOr<ServiceSnapshot> found = Find(services, service);
  if (!found.ok()) return found.status();
  ServiceClient client;
  for (const ServiceSnapshot::Endpoint& endpoint : found->endpoints) {
    client.environment.push_back(
        {.name = absl::AsciiStrToUpper(endpoint.name), .value = endpoint.url});
  }
  for (const auto& variable : found->client.environment)
    client.environment.push_back(variable);
  client.arguments = {program[0]};
  const auto added = found->client.arguments.find(BaseName(program[0]));
  if (added != found->client.arguments.end())
    client.arguments.insert(client.arguments.end(), added->second.begin(),
                            added->second.end());
  client.arguments.insert(client.arguments.end(), program.begin() + 1,
                          program.end());
  return client;
}

absl::Status ServiceClient::Exec() const {
  // `bazel run` has gone elsewhere.
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (directory != nullptr && chdir(directory) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot go to ", directory));
  for (const auto& variable : environment)
    setenv(variable.name.c_str(), variable.value.c_str(), /*replace=*/1);
  std::vector<char*> argv;
  for (const std::string& argument : arguments)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  return absl::ErrnoToStatus(errno,
                             absl::StrCat("cannot run `", arguments[0], "`"));
}

}  // namespace espalier
