#include <string>

#include "absl/flags/flag.h"
#include "environments/hello.h"
#include "supervisor/environment/run_environment.h"

ABSL_FLAG(std::string, greeting, hello::HelloOptions().greeting,
          "What the greeter says.");

namespace {

hello::HelloOptions OptionsFromFlags() {
  return {.greeting = absl::GetFlag(FLAGS_greeting)};
}

}  // namespace

int main(int argc, char** argv) {
  return espalier::RunEnvironment(argc, argv, "hello",
                                  "A greeter, in a workspace of its own.",
                                  hello::Hello, OptionsFromFlags);
}
