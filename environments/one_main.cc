#include "absl/flags/flag.h"
#include "environments/one.h"
#include "supervisor/environment/run_environment.h"

ABSL_FLAG(int, workers, espalier::OneOptions().workers,
          "How many processes of nginx serve.");

namespace {

espalier::OneOptions OptionsFromFlags() {
  return {.workers = absl::GetFlag(FLAGS_workers)};
}

}  // namespace

int main(int argc, char** argv) {
  return espalier::RunEnvironment(
      argc, argv, "one",
      "Short links on real servers: PostgreSQL, Redis as a cache, and nginx in "
      "front.",
      espalier::One, OptionsFromFlags);
}
