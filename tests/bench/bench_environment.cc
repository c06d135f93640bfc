// The measured environment: so many services, with everything that an
// environment has by default, each reporting itself ready by a newline.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "supervisor/environment/run_environment.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/all.h"

ABSL_FLAG(int, services, 1000, "How many services.");
ABSL_FLAG(int, more, 0, "How many are started after those, one by one.");
ABSL_FLAG(std::string, ledger, "", "The file in which services write.");
ABSL_FLAG(bool, newline, true,
          "Whether services report themselves ready by a newline, or count as "
          "ready when they have been executed.");
ABSL_FLAG(int64_t, log_bytes, 0,
          "If not 0: one service that prints so much, instead of the others.");
ABSL_FLAG(bool, strict, false, "Whether its log is strict.");
ABSL_FLAG(bool, delays, true, "Whether a crash loop is slowed down.");

namespace espalier {
namespace {

struct BenchOptions {
  int services;
  int more;
  std::string ledger;
  bool newline;
  bool delays;
  int64_t log_bytes;
  bool strict;
};

BenchOptions OptionsFromFlags() {
  return {.services = absl::GetFlag(FLAGS_services),
          .more = absl::GetFlag(FLAGS_more),
          .ledger = absl::GetFlag(FLAGS_ledger),
          .newline = absl::GetFlag(FLAGS_newline),
          .delays = absl::GetFlag(FLAGS_delays),
          .log_bytes = absl::GetFlag(FLAGS_log_bytes),
          .strict = absl::GetFlag(FLAGS_strict)};
}

Task<void> StartBreath(Nursery& nursery, const BenchOptions& options,
                       int index) {
  Service service = nursery.NewService(absl::StrCat("breath-", index));
  Command command{
      .program = Program::Built("tests/bench/breath"),
      .arguments = {Text(options.ledger), Text(absl::StrCat(index)),
                    Text(absl::StrCat(options.services + options.more))},
      .readiness =
          options.newline ? Readiness::Newline() : Readiness::Started()};
  if (!options.delays) {
    command.restart.initial_delay = absl::ZeroDuration();
    command.restart.max_delay = absl::ZeroDuration();
    command.restart.max_runs = 1000;
  }
  co_await service.Start(std::move(command));
}

Task<void> StartSpew(Nursery& nursery, const BenchOptions& options) {
  Service service = nursery.NewService("spew");
  co_await service.Start(
      {.program = Program::Built("tests/bench/spew"),
       .arguments = {Text(options.ledger),
                     Text(absl::StrCat(options.log_bytes))},
       .log = {.mode = options.strict ? LogRule::Mode::kStrict
                                      : LogRule::Mode::kFile}});
}

Task<int> Bench(Nursery& nursery, const BenchOptions& options) {
  if (options.log_bytes > 0) {
    co_await StartSpew(nursery, options);
    co_return 0;
  }
  std::vector<Task<void>> tasks;
  for (int i = 0; i < options.services; ++i) {
    tasks.push_back(StartBreath(nursery, options, i));
  }
  co_await All(std::move(tasks));
  for (int i = 0; i < options.more; ++i) {
    co_await StartBreath(nursery, options, options.services + i);
  }
  co_return 0;
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  return espalier::RunEnvironment(argc, argv, "bench",
                                  "Services that only say when they began.",
                                  espalier::Bench, espalier::OptionsFromFlags);
}
