// envctl: look at and steer the environments of this checkout.

#include <sys/ioctl.h>
#include <unistd.h>

#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/environment/standard_descriptors.h"
#include "supervisor/logs/log_printer.h"
#include "tools/envctl/run_envctl.h"

namespace {

std::optional<int> TerminalWidth() {
  winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return std::nullopt;
  }
  return size.ws_col;
}

}  // namespace

int main(int argc, char** argv) {
  espalier::OpenStandardDescriptors();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const espalier::EnvctlOutput output = {
      .out = std::cout,
      .errors = std::cerr,
      .coloured = espalier::LogPrinter::WantsColour(STDOUT_FILENO),
      .width = TerminalWidth()};
  return espalier::RunEnvctl(arguments, output);
}
