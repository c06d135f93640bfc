#include "supervisor/environment/environment_flags.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "absl/flags/usage_config.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "supervisor/flags/parse_flags.h"

ABSL_FLAG(bool, check, false,
          "Start everything, see that it becomes ready, stop it again. Exit "
          "code 0 if that worked.");
ABSL_FLAG(std::string, plan, "",
          "Print what would run, without running anything: text (also just "
          "--plan), json, or dot (Graphviz: "
          "--plan=dot | dot -Tsvg >plan.svg). Needs none of the programs, and "
          "prints the same on every machine.");
ABSL_FLAG(std::string, follow, "",
          "Show the services' logs in the terminal as they are written: all of "
          "them (just --follow), or those named, "
          "separated by commas.");
ABSL_FLAG(
    std::string, external, "",
    "Use services that you have started yourself, in a debugger say, instead "
    "of starting them: NAME=ADDRESS, "
    "separated by commas, such as --external=links=http://127.0.0.1:8080. A "
    "service with several endpoints takes "
    "NAME.ENDPOINT=ADDRESS for each.");
ABSL_FLAG(std::string, instance, "default",
          "Which of several copies that run side by side this is; each has its "
          "own data.");
ABSL_FLAG(std::string, data_dir, "",
          "Where data, logs and secrets are kept, instead of "
          "~/.local/state/espalier (for root: /var/lib/espalier).");
ABSL_FLAG(std::string, user, "nobody",
          "Whom services run as when root runs the environment.");

namespace espalier {
namespace {

constexpr absl::string_view kLocalFlagFile = "espalier.local.flags";

// Abseil's flags want a value; --plan and --follow read better without.
std::vector<std::string> WithValues(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = 0; i < argc; ++i) {
    const absl::string_view argument = argv[i];
    if (i > 0 && (argument == "--plan" || argument == "-plan")) {
      arguments.push_back("--plan=text");
    } else if (i > 0 && (argument == "--follow" || argument == "-follow")) {
      arguments.push_back("--follow=*");
    } else {
      arguments.emplace_back(argument);
    }
  }
  return arguments;
}

// A developer's own defaults, ignored by git; what is on the command line
// overrides them.
void AddLocalFlagFile(std::vector<std::string>& arguments) {
  const char* workspace = getenv("BUILD_WORKSPACE_DIRECTORY");
  const std::string file =
      absl::StrCat(workspace == nullptr ? "." : workspace, "/", kLocalFlagFile);
  if (access(file.c_str(), R_OK) == 0)
    arguments.insert(arguments.begin() + 1, "--flagfile=" + file);
}

absl::StatusOr<std::map<std::string, std::string>> ParseExternal(
    const std::string& flag) {
  std::map<std::string, std::string> external;
  for (absl::string_view entry : absl::StrSplit(flag, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(entry, absl::MaxSplits('=', 1));
    if (parts.first.empty() || parts.second.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--external=", entry,
          ": write NAME=ADDRESS, such as links=http://127.0.0.1:8080"));
    }
    if (!external.insert(parts).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("--external names '", parts.first, "' twice"));
    }
  }
  return external;
}

absl::StatusOr<std::optional<PlanFormat>> ParsePlanFormat(
    const std::string& flag) {
  if (flag.empty()) return std::nullopt;
  if (flag == "text") return PlanFormat::kText;
  if (flag == "json") return PlanFormat::kJson;
  if (flag == "dot") return PlanFormat::kGraphviz;
  return absl::InvalidArgumentError(
      absl::StrCat("--plan=", flag, ": it can be text, json or dot"));
}

void ConfigureHelp(absl::string_view name, absl::string_view description) {
  absl::SetProgramUsageMessage(absl::StrCat(
      description, "\n\nUsage: bazel run //environments:", name,
      " [-- FLAG...]\n\nStarts the environment, shows how it gets on, and "
      "watches it. Ctrl-C stops it in order, a second one\n"
      "kills it. Defaults of your own go into ",
      kLocalFlagFile,
      " in the workspace, a flag a line; --flagfile=FILE reads\n"
      "flags from another file. To see and steer a running one: bazel run "
      "//tools:envctl -- ps"));
  absl::FlagsUsageConfig config;
  config.contains_help_flags =
      config.contains_helpshort_flags = [](absl::string_view file) {
        return absl::StrContains(file, "environments/") ||
               absl::StrContains(file, "supervisor/environment/");
      };
  absl::SetFlagsUsageConfig(config);
}

}  // namespace

absl::StatusOr<EnvironmentFlags> ParseEnvironmentFlags(
    int argc, char** argv, absl::string_view name,
    absl::string_view description) {
  ConfigureHelp(name, description);
  std::vector<std::string> arguments = WithValues(argc, argv);
  AddLocalFlagFile(arguments);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  const absl::Status parsed =
      ParseFlags(static_cast<int>(pointers.size()), pointers.data());
  if (!parsed.ok()) return parsed;
  absl::StatusOr<std::map<std::string, std::string>> external =
      ParseExternal(absl::GetFlag(FLAGS_external));
  if (!external.ok()) return external.status();
  absl::StatusOr<std::optional<PlanFormat>> plan =
      ParsePlanFormat(absl::GetFlag(FLAGS_plan));
  if (!plan.ok()) return plan.status();
  const std::string follow = absl::GetFlag(FLAGS_follow);
  EnvironmentFlags flags{.check = absl::GetFlag(FLAGS_check),
                         .plan = *plan,
                         .follow = !follow.empty(),
                         .followed = {},
                         .external = *std::move(external),
                         .instance = absl::GetFlag(FLAGS_instance),
                         .data_dir = absl::GetFlag(FLAGS_data_dir),
                         .user = absl::GetFlag(FLAGS_user)};
  if (flags.follow && follow != "*")
    flags.followed = absl::StrSplit(follow, ',', absl::SkipEmpty());
  return flags;
}

}  // namespace espalier
