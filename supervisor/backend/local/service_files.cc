#include "supervisor/backend/local/service_files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace espalier {
namespace {

std::string FlatName(absl::string_view service) {
  return absl::StrReplaceAll(service, {{"/", "."}});
}

absl::Status SystemError(absl::string_view what, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat(what, " ", path));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return SystemError("cannot open", path);
  auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  std::string contents;
  char buffer[4096];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0)
    contents.append(buffer, got);
  if (got < 0) return SystemError("cannot read", path);
  return contents;
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

absl::Status WriteAll(int fd, const std::string& path,
                      absl::string_view contents) {
  while (!contents.empty()) {
    const ssize_t written = write(fd, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("cannot write", path);
    contents.remove_prefix(written);
  }
  return fsync(fd) == 0 ? absl::OkStatus() : SystemError("cannot write", path);
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

std::string ServiceFiles::LogFile(const std::string& service) const {
  return absl::StrCat(paths_.logs_directory(), "/", FlatName(service), ".log");
}

std::string ServiceFiles::Locate(const Path& path) const {
  const std::string root = path.root() == Path::Root::kData
                               ? DataDirectory(path.service())
                               : RuntimeDirectory(path.service());
  return path.relative().empty() ? root
                                 : absl::StrCat(root, "/", path.relative());
}

std::string ServiceFiles::SecretFile(const Text::Part& part) const {
  return absl::StrCat(paths_.secrets_directory(), "/", FlatName(part.service),
                      ".", part.value);
}

absl::StatusOr<std::string> ServiceFiles::SecretValue(
    const Text::Part& part) const {
  const std::string path = SecretFile(part);
  if (absl::StatusOr<std::string> value = ReadFile(path);
      value.ok() || !absl::IsNotFound(value.status()))
    return value;
  const std::string value = RandomCharacters();
  const std::string temporary = absl::StrCat(path, ".new");
  const int fd =
      open(temporary.c_str(),
           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return SystemError("cannot make", temporary);
  auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  if (absl::Status status = WriteAll(fd, temporary, value); !status.ok())
    return status;
  if (absl::Status status = GiveToUser(fd, temporary); !status.ok())
    return status;
  if (rename(temporary.c_str(), path.c_str()) != 0)
    return SystemError("cannot make", path);
  return value;
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
    rendered += part.kind == Text::Part::kSecret ? *value : SecretFile(part);
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
        shown += Locate(Path(Path::Root::kData, part.service, part.value));
        break;
      case Text::Part::kRuntimePath:
        shown += Locate(Path(Path::Root::kRuntime, part.service, part.value));
        break;
      case Text::Part::kSecret:
        absl::StrAppend(&shown, "{secret ", part.service, ".", part.value, "}");
        break;
      case Text::Part::kSecretFile:
        shown += SecretFile(part);
        break;
    }
  }
  return shown;
}

absl::Status ServiceFiles::Prepare(const std::string& service,
                                   const Command& command) const {
  std::vector<Path> directories = command.directories;
  directories.push_back(Path(Path::Root::kData, service, ""));
  directories.push_back(Path(Path::Root::kRuntime, service, ""));
  if (command.working_directory)
    directories.push_back(*command.working_directory);
  for (const Text& argument : command.arguments) {
    // A directory that is shared must be there before the first of those who
    // share it starts.
    for (const Text::Part& part : argument.parts()) {
      if (part.kind == Text::Part::kDataPath)
        directories.push_back(Path(Path::Root::kData, part.service, ""));
    }
  }
  for (const Path& directory : directories) {
    const bool data = directory.root() == Path::Root::kData;
    absl::Status status = MakeDirectory(
        Locate(directory),
        data ? paths_.data_directory() : paths_.service_sockets_directory());
    if (!status.ok()) return status;
  }
  for (const File& file : command.files) {
    absl::StatusOr<std::string> contents = Render(file.contents);
    if (!contents.ok()) return contents.status();
    if (absl::Status status = WriteIfDifferent(Locate(file.path), *contents);
        !status.ok())
      return status;
  }
  return absl::OkStatus();
}

absl::Status ServiceFiles::MakeDirectory(const std::string& path,
                                         const std::string& below) const {
  std::string made = below;
  for (absl::string_view step :
       absl::StrSplit(path.substr(below.size()), '/', absl::SkipEmpty())) {
    absl::StrAppend(&made, "/", step);
    if (mkdir(made.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return SystemError("cannot make the directory", made);
    }
    const int fd =
        open(made.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return SystemError("cannot open", made);
    auto close_fd = absl::MakeCleanup([fd] { close(fd); });
    if (absl::Status status = GiveToUser(fd, made); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ServiceFiles::GiveToUser(int fd, const std::string& path) const {
  if (!user_ || fchown(fd, user_->uid, user_->gid) == 0)
    return absl::OkStatus();
  return SystemError(
      absl::StrCat("cannot give to the user ", user_->name, " the file"), path);
}

absl::Status ServiceFiles::WriteIfDifferent(const std::string& path,
                                            const std::string& contents) const {
  if (absl::StatusOr<std::string> old = ReadFile(path);
      old.ok() && *old == contents)
    return absl::OkStatus();
  const std::string temporary = absl::StrCat(path, ".new");
  const int fd =
      open(temporary.c_str(),
           O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return SystemError("cannot make", temporary);
  auto close_fd = absl::MakeCleanup([fd] { close(fd); });
  if (absl::Status status = WriteAll(fd, temporary, contents); !status.ok())
    return status;
  if (absl::Status status = GiveToUser(fd, temporary); !status.ok())
    return status;
  return rename(temporary.c_str(), path.c_str()) == 0
             ? absl::OkStatus()
             : SystemError("cannot make", path);
}

}  // namespace espalier
