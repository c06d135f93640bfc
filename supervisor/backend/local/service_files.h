#ifndef ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_FILES_H_
#define ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_FILES_H_

#include <ctime>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/backend/local/service_user.h"
#include "supervisor/instance/instance_paths.h"
#include "supervisor/wiring/command.h"

namespace espalier {

// The files of an instance, for its services: turns paths, secrets and text
// into what they are on this machine, and makes what a command asks for. What
// it makes belongs to the services' user, and links in that user's directories
// are never followed. Secrets are readable for that user (0600, in a directory
// that is open to nobody else). The loop's thread only.
class ServiceFiles {
 public:
  ServiceFiles(InstancePaths paths, std::optional<ServiceUser> user);

  // Absolute.
  std::string Locate(const Path& path) const;
  std::string DataDirectory(const std::string& service) const;
  std::string RuntimeDirectory(const std::string& service) const;
  // For temporary files; one for all services, which run as one user. Gone with
  // the instance. Made by Prepare.
  std::string TemporaryDirectory() const;
  std::string LogFile(const std::string& service) const;

  // With secrets in clear, which are made up when they are first asked for. For
  // what is handed to a process.
  absl::StatusOr<std::string> Render(const Text& text) const;
  // With "{secret SERVICE.NAME}" instead. For people.
  std::string Show(const Text& text) const;

  // `text` with every secret that was rendered so far shown as Show() does. For
  // what a program has said, which may be anything.
  std::string Redact(absl::string_view text) const;

  // Whether what `command` creates is there, and no secret that it mentions was
  // made since.
  bool IsCreated(const Command& command) const;

  // Makes the data directory of `service` and the directories that `command`
  // asks for, and writes its files where they differ. Its runtime directory is
  // made if a text of the command mentions it. Errors name the file or
  // directory and
  // say what the system said. All of it becomes `owner`'s.
  absl::Status Prepare(const std::string& service, const Command& command,
                       const std::optional<ServiceUser>& owner) const;
  // Makes the runtime directory of `service`.
  absl::Status PrepareRuntime(const std::string& service,
                              const std::optional<ServiceUser>& owner) const;

  // Who services run as, unless a command says otherwise.
  const std::optional<ServiceUser>& user() const { return user_; }

 private:
  absl::Status Make(const Path& directory,
                    const std::optional<ServiceUser>& owner) const;
  absl::StatusOr<std::string> SecretValue(const Text::Part& part) const;
  std::string SecretFile(const Text::Part& part) const;
  absl::Status OpenSecretsToUser() const;
  bool HasNewerSecret(const Text& text, const timespec& than) const;
  std::string RootOf(const Path& path) const;
  absl::Status WriteIfDifferent(const Path& path, const std::string& contents,
                                const std::optional<ServiceUser>& owner) const;

  const InstancePaths paths_;
  const std::optional<ServiceUser> user_;
  // By value: how it is shown.
  mutable std::map<std::string, std::string> secrets_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_BACKEND_LOCAL_SERVICE_FILES_H_
