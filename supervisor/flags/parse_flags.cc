#include "supervisor/flags/parse_flags.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace espalier {
namespace {

// Flags that absl handles itself, and that need no value of ours.
bool IsMetaFlag(absl::string_view name) {
  return name.substr(0, 4) == "help" || name == "version" ||
         name == "flagfile" || name == "fromenv" || name == "tryfromenv" ||
         name == "undefok";
}

absl::Status CheckValue(absl::CommandLineFlag& flag, absl::string_view value) {
  std::string error;
  if (flag.ParseFrom(value, &error)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag.Name(), "=", value, " is not valid",
                   error.empty() ? "" : ": ", error));
}

}  // namespace

absl::Status ParseFlags(int argc, char** argv) {
  bool help = false;
  for (int i = 1; i < argc; ++i) {
    absl::string_view name = argv[i];
    if (!absl::ConsumePrefix(&name, "-")) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", argv[i], "\" is not a flag, and nothing else is taken"));
    }
    absl::ConsumePrefix(&name, "-");
    const size_t equals = name.find('=');
    const bool has_value = equals != name.npos;
    const absl::string_view value = has_value ? name.substr(equals + 1) : "";
    name = name.substr(0, equals);
    help |= name.substr(0, 4) == "help";
    if (IsMetaFlag(name)) continue;
    absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    if (flag != nullptr && flag->IsOfType<bool>() && !has_value) continue;
    if (flag == nullptr && name.substr(0, 2) == "no") {
      absl::CommandLineFlag* negated =
          absl::FindCommandLineFlag(name.substr(2));
      if (negated != nullptr && negated->IsOfType<bool>()) continue;
    }
    if (flag == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "there is no flag --", name, "; --help lists those there are"));
    }
    if (!has_value && i + 1 == argc) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, " needs a value"));
    }
    const absl::Status status =
        CheckValue(*flag, has_value ? value : argv[++i]);
    if (!status.ok()) return status;
  }
  // Abseil exits with 1 after it has printed the help that was asked for.
  if (help) {
    std::atexit([] {
      std::fflush(stdout);
      _exit(0);
    });
  }
  absl::ParseCommandLine(argc, argv);
  return absl::OkStatus();
}

}  // namespace espalier
