// An environment whose services are asked often whether they live, and one that
// says what it does.

#include <string>

#include "absl/time/time.h"
#include "supervisor/environment/run_environment.h"
#include "supervisor/nursery/nursery.h"

namespace espalier {
namespace {

Task<void> StartAsked(Nursery& nursery, std::string name) {
  Service service = nursery.NewService(name);
  const TcpAddress address = service.Reserve<TcpAddress>();
  Command command{.program = Program::Built("tests/environments/misbehave"),
                  .arguments = {"answer", address.port()},
                  .readiness = Readiness::Answers(address, "?\n", "ok"),
                  .liveness = Liveness{.interval = absl::Milliseconds(20),
                                       .timeout = absl::Milliseconds(100),
                                       .failures = 3}};
  // What is frozen takes no notice of SIGTERM: only the one that is thawed
  // first ends of it.
  command.stop.grace = absl::Milliseconds(200);
  co_await service.Start(std::move(command));
}

Task<void> StartTalker(Nursery& nursery) {
  Service talker = nursery.NewService("talker");
  co_await talker.Start(
      {.program = Program::Built("supervisor/keeper/testcases/child"),
       .arguments = {"notify", "READY=1", "STATUS=at work"},
       .readiness = Readiness::Notify()});
}

Task<void> Asked(Nursery& nursery) {
  co_await All(StartAsked(nursery, "frozen"), StartAsked(nursery, "witness"),
               StartTalker(nursery));
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  return espalier::RunEnvironmentBody(
      argc, argv, "asked", "Services that are asked often whether they live.",
      []() -> espalier::EnvironmentBody { return espalier::Asked; });
}
