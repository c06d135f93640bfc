#include "tools/envctl/command_line.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace espalier {
namespace {

struct Command {
  std::string name;
  size_t min_arguments;
  size_t max_arguments;
  // Those beyond the ones that say which environment.
  std::vector<std::string> flags;
};

constexpr size_t kMany = 10000;

const std::vector<Command>& Commands() {
  static const auto* const commands = new std::vector<Command>{
      {"ps", 0, 0, {"json"}},
      {"list", 0, 0, {"json"}},
      {"explain", 1, kMany, {"json"}},
      {"restart", 1, kMany, {}},
      {"start", 1, kMany, {}},
      {"reload", 1, kMany, {}},
      {"freeze", 1, kMany, {}},
      {"thaw", 1, kMany, {}},
      {"exec", 2, kMany, {}},
      {"stop", 0, kMany, {"with_dependents"}},
      {"logs", 0, kMany, {"follow", "lines", "generation", "since", "offset"}},
      {"events", 0, kMany, {"follow", "since", "service", "json"}},
      {"completion", 0, 0, {}},
      {"help", 0, 1, {}},
  };
  return *commands;
}

absl::StatusOr<Command> FindCommand(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : Commands()) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no command `", name,
                   "`; there are: ", absl::StrJoin(names, ", ")));
}

std::string LongName(const std::string& flag) {
  static const auto* const short_names = new std::map<std::string, std::string>{
      {"-f", "follow"}, {"-n", "lines"}, {"-h", "help"}};
  const auto found = short_names->find(flag);
  if (found != short_names->end()) return found->second;
  return flag.substr(flag.find_first_not_of('-'));
}

class Parser {
 public:
  explicit Parser(absl::Span<const std::string> arguments) : rest_(arguments) {}

  absl::StatusOr<CommandLine> Parse() {
    while (!rest_.empty()) {
      const absl::Status taken = TakeOne();
      if (!taken.ok()) return taken;
    }
    if (positional_.empty()) {
      if (!help_) return absl::InvalidArgumentError("which command?");
      line_.command = "help";
      return line_;
    }
    line_.command = positional_.front();
    positional_.erase(positional_.begin());
    const absl::StatusOr<Command> command = FindCommand(line_.command);
    if (!command.ok()) return command.status();
    if (help_) {
      positional_ = {line_.command};
      line_.command = "help";
    } else if (absl::Status fits = Check(*command); !fits.ok()) {
      return fits;
    }
    if (line_.command == "help" && !positional_.empty()) {
      const absl::StatusOr<Command> topic = FindCommand(positional_.front());
      if (!topic.ok()) return topic.status();
    }
    line_.arguments = positional_;
    for (absl::string_view service :
         absl::StrSplit(services_, ',', absl::SkipEmpty())) {
      line_.arguments.emplace_back(service);
    }
    return line_;
  }

 private:
  absl::Status TakeOne() {
    const std::string argument = rest_.front();
    rest_.remove_prefix(1);
    if (argument == "--") {
      positional_.insert(positional_.end(), rest_.begin(), rest_.end());
      rest_ = {};
      return absl::OkStatus();
    }
    if (!absl::StartsWith(argument, "-") || argument == "-") {
      positional_.push_back(argument);
      return absl::OkStatus();
    }
    const std::vector<std::string> parts =
        absl::StrSplit(argument, absl::MaxSplits('=', 1));
    const std::optional<std::string> value =
        parts.size() > 1 ? std::optional<std::string>(parts[1]) : std::nullopt;
    // "---" and the like are no names.
    if (parts[0].find_first_not_of('-') == std::string::npos) {
      return Unknown(argument);
    }
    return TakeFlag(parts[0], LongName(parts[0]), value);
  }

  absl::Status TakeFlag(const std::string& given, const std::string& name,
                        const std::optional<std::string>& value) {
    const std::map<std::string, bool*> switches = {
        {"json", &line_.json},
        {"follow", &line_.follow},
        {"with_dependents", &line_.with_dependents},
        {"help", &help_}};
    const std::map<std::string, std::string*> texts = {
        {"environment", &line_.selector.environment},
        {"instance", &line_.selector.instance},
        {"data_dir", &line_.selector.data_dir},
        {"lines", &lines_},
        {"since", &line_.since},
        {"generation", &generation_},
        {"offset", &offset_},
        {"service", &services_}};
    if (const auto found = switches.find(name); found != switches.end()) {
      if (value.has_value()) {
        return absl::InvalidArgumentError(absl::StrCat(given, " has no value"));
      }
      *found->second = true;
    } else if (const auto text = texts.find(name); text != texts.end()) {
      if (!value.has_value() && rest_.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat(given, " needs a value"));
      }
      *text->second = value.has_value() ? *value : rest_.front();
      if (!value.has_value()) rest_.remove_prefix(1);
    } else {
      return Unknown(given);
    }
    given_.push_back(name);
    return absl::OkStatus();
  }

  static absl::Status Unknown(const std::string& flag) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown flag ", flag, "; `envctl help` lists them"));
  }

  // Whether the command takes what was given.
  absl::Status Check(const Command& command) {
    for (const std::string& flag : given_) {
      const bool everywhere = flag == "environment" || flag == "instance" ||
                              flag == "data_dir" || flag == "help";
      if (everywhere ||
          std::count(command.flags.begin(), command.flags.end(), flag) > 0)
        continue;
      return absl::InvalidArgumentError(
          absl::StrCat("`", command.name, "` has no flag --", flag));
    }
    if (positional_.size() < command.min_arguments) {
      return absl::InvalidArgumentError(absl::StrCat(
          "`", command.name, "` needs the name of a service",
          command.min_arguments > 1 ? " and, after --, a program" : ""));
    }
    if (positional_.size() > command.max_arguments) {
      return absl::InvalidArgumentError(
          absl::StrCat("`", command.name, "` does not take `",
                       positional_[command.max_arguments], "`"));
    }
    if (line_.with_dependents && positional_.empty()) {
      return absl::InvalidArgumentError(
          "--with_dependents needs the name of a service");
    }
    if (!lines_.empty() && (!absl::SimpleAtoi(lines_, &line_.tail_lines) ||
                            line_.tail_lines < 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--lines takes a number, not `", lines_, "`"));
    }
    return TakePart();
  }

  absl::Status TakePart() {
    const bool of_one_log = !generation_.empty() || !offset_.empty();
    const int parts = !generation_.empty() + !offset_.empty() +
                      !line_.since.empty() + !lines_.empty();
    if (parts > 1) {
      return absl::InvalidArgumentError(
          "--generation, --since, --offset and --lines exclude each other");
    }
    if (of_one_log && positional_.size() != 1) {
      return absl::InvalidArgumentError(
          "--generation and --offset need the name of one service");
    }
    LogGeneration generation;
    LogOffset offset;
    if (absl::SimpleAtoi(generation_, &generation.number)) {
      line_.part = generation;
    } else if (absl::SimpleAtoi(offset_, &offset.bytes)) {
      line_.part = offset;
    } else if (of_one_log) {
      return absl::InvalidArgumentError(
          absl::StrCat("--generation and --offset take a number, not `",
                       generation_, offset_, "`"));
    }
    return absl::OkStatus();
  }

  absl::Span<const std::string> rest_;
  CommandLine line_;
  std::vector<std::string> positional_;
  std::vector<std::string> given_;
  std::string lines_;
  std::string services_;
  std::string generation_;
  std::string offset_;
  bool help_ = false;
};

}  // namespace

absl::StatusOr<CommandLine> CommandLine::Parse(
    absl::Span<const std::string> arguments) {
  return Parser(arguments).Parse();
}

}  // namespace espalier
