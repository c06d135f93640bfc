#include <string>

#include "absl/flags/flag.h"
#include "environments/two.h"
#include "supervisor/environment/run_environment.h"

ABSL_FLAG(std::string, database, espalier::TwoOptions().database,
          "Name of the SQLite file that holds the links, in the instance's "
          "data directory.");
ABSL_FLAG(bool, report, espalier::TwoOptions().report,
          "Whether to run the report.");

namespace {

espalier::TwoOptions OptionsFromFlags() {
  return {.database = absl::GetFlag(FLAGS_database),
          .report = absl::GetFlag(FLAGS_report)};
}

}  // namespace

int main(int argc, char** argv) {
  return espalier::RunEnvironment(
      argc, argv, "two",
      "Short links without any installed server: links over HTTP/2 with the "
      "gateway, and "
      "over HTTP/1.1 with the report, in one SQLite file.",
      espalier::Two, OptionsFromFlags);
}
