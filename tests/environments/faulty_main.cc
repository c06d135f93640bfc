// An environment in which something goes wrong, as --fault says.

#include <string>

#include "absl/flags/flag.h"
#include "absl/time/time.h"
#include "supervisor/environment/run_environment.h"
#include "supervisor/nursery/nursery.h"

ABSL_FLAG(std::string, fault, "", "What is to go wrong.");

namespace espalier {
namespace {

constexpr char kMisbehave[] = "tests/environments/misbehave";

struct FaultyOptions {
  std::string fault;
};

Task<TcpAddress> StartGood(Nursery& nursery) {
  Service good = nursery.NewService("good");
  TcpAddress address = good.Reserve<TcpAddress>();
  co_await good.Start({.program = Program::Built(kMisbehave),
                       .arguments = {"listen", address.port()},
                       .readiness = Readiness::Connects(address)});
  co_return address;
}

Task<void> StartFaulty(Nursery& nursery, const std::string& fault,
                       const TcpAddress& good) {
  Service faulty = nursery.NewService(fault == "duplicate" ? "good" : "faulty");
  TcpAddress address = faulty.Reserve<TcpAddress>();
  Command command{.program = Program::Built(kMisbehave),
                  .arguments = {fault, address.port(), good},
                  .readiness = Readiness::Connects(address)};
  if (fault == "missing") {
    command.program = Program::System("no-such-server", "no-such-package");
  } else if (fault == "missing_built") {
    command.program = Program::Built("no/such/program");
  } else if (fault == "never_ready") {
    command.start_timeout = absl::Milliseconds(300);
  } else if (fault == "leave_listener") {
    command.start_timeout = absl::Milliseconds(800);
    command.restart.initial_delay = absl::Milliseconds(1);
    command.restart.max_delay = absl::Milliseconds(1);
  } else if (fault == "stubborn") {
    command.readiness = Readiness::Started();
    command.stop.grace = absl::Hours(1);
  } else if (fault == "need_unused") {
    command.arguments = {"listen", address.port()};
  } else if (fault == "port_taken") {
    // Another service takes it first, on purpose, and does not say so.
    const std::string url = Resolve(address);
    const std::string port = url.substr(url.rfind(':') + 1);
    Service thief = nursery.NewService("thief");
    co_await thief.Start(
        {.program = Program::Built(kMisbehave), .arguments = {"listen", port}});
    command.arguments = {"never_ready", address.port(), good};
    command.start_timeout = absl::Milliseconds(300);
  }
  co_await faulty.Start(std::move(command));
}

// A group in which a service needs no second failure to end a run of its body.
Task<void> StartFaultyGroup(Nursery& nursery) {
  const auto body = [](Nursery& shop) -> Task<void> {
    Service store = shop.NewService("store");
    TcpAddress address = store.Reserve<TcpAddress>();
    Command command{.program = Program::Built(kMisbehave),
                    .arguments = {"megabytes", address.port()},
                    .readiness = Readiness::Connects(address)};
    command.restart.max_runs = 1;
    co_await store.Start(std::move(command));
  };
  co_await nursery.Group<void>(
      "shop", Strategy::kOneForOne, body,
      {.restart = {.max_runs = 2, .initial_delay = absl::Milliseconds(1)}});
}

Task<int> Faulty(Nursery& nursery, const FaultyOptions& options) {
  TcpAddress good = co_await StartGood(nursery);
  if (options.fault == "group") {
    co_await StartFaultyGroup(nursery);
  } else {
    co_await StartFaulty(nursery, options.fault, good);
  }
  co_return 0;
}

FaultyOptions OptionsFromFlags() {
  return {.fault = absl::GetFlag(FLAGS_fault)};
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  return espalier::RunEnvironment(
      argc, argv, "faulty", "An environment in which something goes wrong.",
      espalier::Faulty, espalier::OptionsFromFlags);
}
