#include <string>

#include "absl/flags/flag.h"
#include "environments/one.h"
#include "supervisor/environment/run_environment.h"

ABSL_FLAG(int, workers, espalier::OneOptions().workers,
          "How many processes of nginx serve.");

ABSL_FLAG(std::string, nginx_settings, espalier::OneOptions().nginx_settings,
          "Absolute path of a file with directives for nginx's server block; "
          "`envctl reload nginx` has it read anew.");

namespace {

espalier::OneOptions OptionsFromFlags() {
  return {.workers = absl::GetFlag(FLAGS_workers),
          .nginx_settings = absl::GetFlag(FLAGS_nginx_settings)};
}

}  // namespace

int main(int argc, char** argv) {
  return espalier::RunEnvironment(
      argc, argv, "one",
      "Short links on real servers: PostgreSQL, Redis as a cache, and nginx in "
      "front.",
      espalier::One, OptionsFromFlags);
}
