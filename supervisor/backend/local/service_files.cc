#include "supervisor/backend/local/service_files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "supervisor/backend/local/files_below.h"
#include "supervisor/backend/local/given_secret.h"
#include "supervisor/ports/unique_fd.h"

namespace espalier {
namespace {

std::string FlatName(absl::string_view service) {
  return absl::StrReplaceAll(service, {{"/", "."}});
}

// No service is named like this; see CheckName in nursery.cc.
constexpr absl::string_view kTemporary = "shared";

// Where `path` lies below the directory that holds all of its kind.
std::string RelativeToRoot(const Path& path) {
  const std::string owner = path.root() == Path::Root::kRuntime
                                ? FlatName(path.service())
                                : path.service();
  return path.relative().empty() ? owner
                                 : absl::StrCat(owner, "/", path.relative());
}

// No service's name has a '%'.
std::string SecretName(const Text::Part& part) {
  if (part.service.empty())
    return absl::StrCat(
        "%given.",
        absl::StrReplaceAll(part.value, {{"%", "%25"}, {"/", "%2F"}}));
  return absl::StrCat(FlatName(part.service.get()), ".", part.value);
}

Text::Part AsSecret(Text::Part part) {
  part.kind = Text::Part::kSecret;
  return part;
}

std::string EscapeColons(absl::string_view text) {
  return absl::StrReplaceAll(text, {{":", "\\:"}, {"\\", "\\\\"}});
}

// 32 characters of 62: 190 bits.
std::string RandomCharacters() {
  constexpr absl::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string value;
  while (value.size() < 32) {
    unsigned char bytes[64];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) continue;
    for (unsigned char byte : bytes) {
      if (byte < 4 * kAlphabet.size() && value.size() < 32)
        value.push_back(kAlphabet[byte % kAlphabet.size()]);
    }
  }
  return value;
}

}  // namespace

ServiceFiles::ServiceFiles(InstancePaths paths, std::optional<ServiceUser> user)
    : paths_(std::move(paths)), user_(std::move(user)) {}

std::string ServiceFiles::DataDirectory(const std::string& service) const {
  return absl::StrCat(paths_.data_directory(), "/", service);
}

std::string ServiceFiles::RuntimeDirectory(const std::string& service) const {
  return absl::StrCat(paths_.service_sockets_directory(), "/",
                      FlatName(service));
}

std::string ServiceFiles::TemporaryDirectory() const {
  return RuntimeDirectory(std::string(kTemporary));
}

std::string ServiceFiles::LogFile(const std::string& service) const {
  return absl::StrCat(paths_.logs_directory(), "/", FlatName(service), ".log");
}

std::string ServiceFiles::RootOf(const Path& path) const {
  switch (path.root()) {
    case Path::Root::kData:
      return paths_.data_directory();
    case Path::Root::kRuntime:
      return paths_.service_sockets_directory();
    case Path::Root::kCache:
      return paths_.cache_directory();
  }
  return "";
}

std::string ServiceFiles::Locate(const Path& path) const {
  return absl::StrCat(RootOf(path), "/", RelativeToRoot(path));
}

std::string ServiceFiles::SecretFile(const Text::Part& part) const {
  return absl::StrCat(paths_.secrets_directory(), "/", SecretName(part));
}

absl::StatusOr<std::string> ServiceFiles::SecretValue(
    const Text::Part& part) const {
  const std::string directory = paths_.secrets_directory();
  const std::string name = SecretName(part);
  if (absl::Status opened = OpenSecretsToUser(); !opened.ok()) return opened;
  absl::StatusOr<std::string> present = ReadFileBelow(directory, name);
  // An earlier run may have been for another user.
  if (present.ok() && user_ &&
      lchown(SecretFile(part).c_str(), user_->uid, user_->gid) != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot give ", SecretFile(part), " to the user ",
                            user_->name));
  }
  std::string value;
  if (part.service.empty()) {
    absl::StatusOr<std::string> given = ReadGivenSecret(part.value);
    if (!given.ok() || (present.ok() && *present == *given)) return given;
    value = *std::move(given);
  } else {
    if (!absl::IsNotFound(present.status())) return present;
    value = RandomCharacters();
  }
  if (absl::Status status =
          WriteFileBelow(directory, name, value, user_, Durability::kOnDisk);
      !status.ok())
    return status;
  return value;
}

// The files belong to the services' user; to reach them he must get through the
// directory, which is closed to all others, and which only we list or change.
absl::Status ServiceFiles::OpenSecretsToUser() const {
  if (!user_) return absl::OkStatus();
  const std::string directory = paths_.secrets_directory();
  const UniqueFd fd(
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.valid() && fchown(fd.get(), -1, user_->gid) == 0 &&
      fchmod(fd.get(), 0710) == 0)
    return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", directory,
                                                 " to the user ", user_->name));
}

absl::StatusOr<std::string> ServiceFiles::Render(const Text& text) const {
  std::string rendered;
  for (const Text::Part& part : text.parts()) {
    if (part.kind != Text::Part::kSecret &&
        part.kind != Text::Part::kSecretFile) {
      rendered += Show(Text(part));
      continue;
    }
    absl::StatusOr<std::string> value =
        SecretValue(part);  // also makes the file
    if (!value.ok()) return value;
    if (!value->empty()) secrets_[*value] = Show(Text(AsSecret(part)));
    if (part.kind == Text::Part::kSecretFile) {
      rendered += SecretFile(part);
      continue;
    }
    if (part.escaped) *value = EscapeColons(*value);
    if (!value->empty()) secrets_[*value] = Show(Text(AsSecret(part)));
    rendered += *value;
  }
  return rendered;
}

std::string ServiceFiles::Show(const Text& text) const {
  std::string shown;
  for (const Text::Part& part : text.parts()) {
    switch (part.kind) {
      case Text::Part::kLiteral:
      case Text::Part::kEndpoint:
        shown += part.value;
        break;
      case Text::Part::kDataPath:
        shown +=
            Locate(Path(Path::Root::kData, part.service.get(), part.value));
        break;
      case Text::Part::kRuntimePath:
        shown +=
            Locate(Path(Path::Root::kRuntime, part.service.get(), part.value));
        break;
      case Text::Part::kCachePath:
        shown +=
            Locate(Path(Path::Root::kCache, part.service.get(), part.value));
        break;
      case Text::Part::kSecret:
        shown += SecretLabel(part.service.get(), part.value);
        break;
      case Text::Part::kSecretFile:
        shown += SecretFile(part);
        break;
    }
  }
  return shown;
}

absl::Status ServiceFiles::Make(const Path& directory,
                                const std::optional<ServiceUser>& owner) const {
  // As before nearly every run, which waits for this.
  struct stat found;
  if (lstat(Locate(directory).c_str(), &found) == 0 && S_ISDIR(found.st_mode))
    return absl::OkStatus();
  return MakeDirectoryBelow(RootOf(directory), RelativeToRoot(directory), owner)
      .status();
}

absl::Status ServiceFiles::PrepareRuntime(
    const std::string& service, const std::optional<ServiceUser>& owner) const {
  return Make(Path(Path::Root::kRuntime, service, ""), owner);
}

std::string ServiceFiles::Redact(absl::string_view text) const {
  return absl::StrReplaceAll(text, secrets_);
}

bool ServiceFiles::IsCreated(const Command& command) const {
  struct stat created;
  if (!command.creates || stat(Locate(*command.creates).c_str(), &created) != 0)
    return false;
  for (const File& file : command.files) {
    if (HasNewerSecret(file.contents, created.st_mtim)) return false;
  }
  for (const EnvironmentVariable& variable : command.environment) {
    if (HasNewerSecret(variable.value, created.st_mtim)) return false;
  }
  return true;
}

bool ServiceFiles::HasNewerSecret(const Text& text,
                                  const timespec& than) const {
  for (const Text::Part& part : text.parts()) {
    if (part.kind != Text::Part::kSecret) continue;
    // The file of one that is given is made anew when another is given.
    if (part.service.empty() && !SecretValue(part).ok()) return true;
    struct stat secret;
    // One that is not there yet is made when it is asked for.
    if (stat(SecretFile(part).c_str(), &secret) != 0) return true;
    if (std::pair(secret.st_mtim.tv_sec, secret.st_mtim.tv_nsec) >
        std::pair(than.tv_sec, than.tv_nsec))
      return true;
  }
  return false;
}

absl::Status ServiceFiles::Prepare(
    const std::string& service, const Command& command,
    const std::optional<ServiceUser>& owner) const {
  // Whoever cleans /tmp up may have removed it while all was running.
  if (access(TemporaryDirectory().c_str(), F_OK) != 0) {
    if (absl::Status made = PrepareRuntime(std::string(kTemporary), user_);
        !made.ok())
      return made;
  }
  std::vector<Path> directories = command.directories;
  directories.push_back(Path(Path::Root::kData, service, ""));
  if (command.working_directory)
    directories.push_back(*command.working_directory);
  const auto add_mentioned = [&](const Text& text) {
    for (const Text::Part& part : text.parts()) {
      if (part.kind == Text::Part::kRuntimePath &&
          part.service.get() == service)
        directories.push_back(Path(Path::Root::kRuntime, service, ""));
    }
  };
  for (const EnvironmentVariable& variable : command.environment)
    add_mentioned(variable.value);
  for (const File& file : command.files) {
    add_mentioned(file.contents);
    if (file.path.root() == Path::Root::kRuntime)
      directories.push_back(Path(Path::Root::kRuntime, service, ""));
  }
  for (const Text& argument : command.arguments) {
    add_mentioned(argument);
    // A directory that is shared must be there before the first of those who
    // share it starts.
    for (const Text::Part& part : argument.parts()) {
      if (part.kind == Text::Part::kDataPath)
        directories.push_back(Path(Path::Root::kData, part.service.get(), ""));
      if (part.kind == Text::Part::kCachePath)
        directories.push_back(Cache(part.service.get()));
    }
  }
  for (const Path& directory : directories) {
    if (absl::Status made = Make(directory, owner); !made.ok()) return made;
  }
  for (const File& file : command.files) {
    absl::StatusOr<std::string> contents = Render(file.contents);
    if (!contents.ok()) return contents.status();
    if (absl::Status status = WriteIfDifferent(file.path, *contents, owner);
        !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status ServiceFiles::WriteIfDifferent(
    const Path& path, const std::string& contents,
    const std::optional<ServiceUser>& owner) const {
  const std::string root = RootOf(path);
  const std::string relative = RelativeToRoot(path);
  if (absl::StatusOr<std::string> old = ReadFileBelow(root, relative);
      old.ok() && *old == contents)
    return absl::OkStatus();
  return WriteFileBelow(root, relative, contents, owner,
                        Durability::kRewritable);
}

}  // namespace espalier
