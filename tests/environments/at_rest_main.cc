// An environment whose services have all printed something and do nothing more,
// one of them in strict mode.

#include <string>

#include "supervisor/environment/run_environment.h"
#include "supervisor/nursery/nursery.h"

namespace espalier {
namespace {

Task<void> StartQuiet(Nursery& nursery, std::string name, LogRule log) {
  Service quiet = nursery.NewService(name);
  TcpAddress address = quiet.Reserve<TcpAddress>();
  co_await quiet.Start(
      {.program = Program::Built("tests/environments/misbehave"),
       .arguments = {"listen_and_say", address.port()},
       .readiness = Readiness::Connects(address),
       .log = log});
}

struct AtRestOptions {};

Task<int> AtRest(Nursery& nursery, const AtRestOptions&) {
  co_await StartQuiet(nursery, "file", {});
  co_await StartQuiet(nursery, "strict", {.mode = LogRule::Mode::kStrict});
  co_return 0;
}

AtRestOptions NoOptions() { return {}; }

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  return espalier::RunEnvironment(argc, argv, "at_rest",
                                  "Services that do nothing.", espalier::AtRest,
                                  espalier::NoOptions);
}
