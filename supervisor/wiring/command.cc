#include "supervisor/wiring/command.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace espalier {
namespace {

bool Contains(const Text& text, Text::Part::Kind kind) {
  for (const Text::Part& part : text.parts()) {
    if (part.kind == kind) return true;
  }
  return false;
}

absl::Status ValidatePath(const Path& path) {
  if (absl::StartsWith(path.relative(), "/")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the path '", path.relative(),
        "' is absolute; paths in a command lie in the service's directory"));
  }
  for (absl::string_view step : absl::StrSplit(path.relative(), '/')) {
    if (step == "..") {
      return absl::InvalidArgumentError(
          absl::StrCat("the path '", path.relative(),
                       "' climbs out of the service's directory by '..'"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateArguments(absl::string_view what,
                               const std::vector<Text>& arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (Contains(arguments[i], Text::Part::kSecret)) {
      return absl::InvalidArgumentError(absl::StrCat(
          what, i + 1,
          " holds a secret, which every user of the machine could read there; ",
          "pass secret.file(), or put the secret into a file or an environment "
          "variable"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateLiveness(const Command& command) {
  if (!command.liveness) return absl::OkStatus();
  const Liveness& liveness = *command.liveness;
  const Readiness& readiness = command.readiness;
  if (liveness.interval <= absl::ZeroDuration() ||
      liveness.timeout <= absl::ZeroDuration() || liveness.failures < 1) {
    return absl::InvalidArgumentError(
        "the liveness needs an interval and a timeout longer than 0, and at "
        "least 1 failure");
  }
  if (readiness.kind() == Readiness::Kind::kCompleted) {
    return absl::InvalidArgumentError(
        "a one-shot is never ready, so its liveness cannot be watched");
  }
  const Readiness& question = *command.LivenessQuestion();
  const bool is_own_probe = &question == &readiness && readiness.probe();
  if (question.endpoint() != nullptr || is_own_probe) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "the liveness has nothing to ask again: set Liveness::probe to something "
      "that has an endpoint, such as Readiness::HttpOk(url)");
}

std::vector<const ProbeCommand*> ProbesOf(const Command& command) {
  std::vector<const ProbeCommand*> probes;
  if (command.readiness.probe() != nullptr)
    probes.push_back(command.readiness.probe());
  if (command.reload && command.reload->check)
    probes.push_back(&*command.reload->check);
  return probes;
}

}  // namespace

Program::Program(Kind kind, std::string name, std::string package,
                 std::vector<std::string> directories)
    : kind_(kind),
      name_(std::move(name)),
      package_(std::move(package)),
      directories_(std::move(directories)) {}

Program Program::Built(std::string path) {
  return Program(Kind::kBuilt, std::move(path), "", {});
}

Program Program::System(std::string name, std::string package,
                        std::vector<std::string> directories) {
  return Program(Kind::kSystem, std::move(name), std::move(package),
                 std::move(directories));
}

bool operator==(const Readiness& a, const Readiness& b) {
  const bool same_probe =
      a.probe_ == b.probe_ || (a.probe_ && b.probe_ && *a.probe_ == *b.probe_);
  return same_probe && a.kind_ == b.kind_ && a.endpoint_ == b.endpoint_ &&
         a.detail_ == b.detail_ && a.answer_ == b.answer_ &&
         a.watchdog_ == b.watchdog_;
}

std::vector<const Text*> Command::Texts() const {
  std::vector<const Text*> texts;
  const auto add = [&](const std::vector<Text>& arguments,
                       const std::vector<EnvironmentVariable>& variables) {
    for (const Text& argument : arguments) texts.push_back(&argument);
    for (const EnvironmentVariable& variable : variables)
      texts.push_back(&variable.value);
  };
  add(arguments, environment);
  for (const File& file : files) texts.push_back(&file.contents);
  for (const ProbeCommand* probe : ProbesOf(*this))
    add(probe->arguments, probe->environment);
  return texts;
}

std::set<std::string> Command::Uses() const {
  std::set<std::string> services, at_start;
  for (const Text* text : Texts()) text->AddUses(services, at_start);
  return services;
}

std::set<std::string> Command::StartUses() const {
  std::set<std::string> services, at_start;
  for (const Text* text : Texts()) text->AddUses(services, at_start);
  for (const std::string& service : services) at_start.erase(service);
  return at_start;
}

absl::Status LogRule::Validate() const {
  constexpr int64_t kLeastBytes = int64_t{1} << 20;
  if (max_bytes >= kLeastBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a log of at most ", max_bytes,
                   " bytes is too small: ", kLeastBytes, " is the least"));
}

const Readiness* Command::LivenessQuestion() const {
  if (!liveness) return nullptr;
  return liveness->probe ? &*liveness->probe : &readiness;
}

absl::Status Command::Validate() const {
  absl::Status hidden = ValidateArguments("argument ", arguments);
  for (const ProbeCommand* probe : ProbesOf(*this)) {
    if (hidden.ok())
      hidden = ValidateArguments("the probe's argument ", probe->arguments);
  }
  for (const auto& [program, arguments] : client.arguments) {
    if (hidden.ok())
      hidden =
          ValidateArguments(absl::StrCat(program, "'s argument "), arguments);
  }
  for (const EnvironmentVariable& variable : client.environment) {
    if (hidden.ok() && Contains(variable.value, Text::Part::kSecret))
      hidden = absl::InvalidArgumentError(absl::StrCat(
          "the clients' variable ", variable.name,
          " holds a secret, which would be sent to everybody who looks at the "
          "service; let it name a file of the command"));
  }
  if (!hidden.ok()) return hidden;
  std::vector<Path> paths = directories;
  for (const File& file : files) paths.push_back(file.path);
  if (working_directory) paths.push_back(*working_directory);
  if (creates) paths.push_back(*creates);
  for (const Path& path : paths) {
    if (absl::Status status = ValidatePath(path); !status.ok()) return status;
  }
  if (readiness.watchdog() < absl::Milliseconds(1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a watchdog of ", absl::FormatDuration(readiness.watchdog()),
        " is too short: 1 ms is the least"));
  }
  if (absl::Status status = log.Validate(); !status.ok()) return status;
  if (absl::Status status = ValidateLiveness(*this); !status.ok())
    return status;
  if (absl::Status status = process.Validate(); !status.ok()) return status;
  if (absl::Status status = tree.Validate(); !status.ok()) return status;
  return restart.Validate();
}

}  // namespace espalier
