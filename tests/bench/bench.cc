// Measures supervisors against the floor, and prints a table.
//
//   bazel run -c opt //tests/bench -- [--pairs=5] [--services=1000] [--rows=…]
//
// Each figure of a supervisor is paired with one of the floor, taken just
// before it; what counts is their ratio, since times differ between machines.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "glog/logging.h"
#include "tests/bench/peers.h"
#include "tests/bench/supervised.h"

ABSL_FLAG(int, pairs, 5, "How often everything is measured.");
ABSL_FLAG(int, services, 1000, "How many services.");
ABSL_FLAG(int, kills, 200, "How many are killed one by one; at most services.");
ABSL_FLAG(absl::Duration, rest, absl::Seconds(20), "How long rest is watched.");
ABSL_FLAG(std::string, directory, "/dev/shm",
          "Where files are made. In memory by default: what a disk's file "
          "system takes to make a file varies a hundredfold.");
ABSL_FLAG(std::vector<std::string>, rows,
          std::vector<std::string>({"main", "crash", "memory", "rest", "log",
                                    "many"}),
          "Which measurements to take.");
ABSL_FLAG(std::vector<std::string>, supervisors,
          std::vector<std::string>({"espalier"}),
          "Which to measure: espalier, s6, runit, supervisord, otp. Those that "
          "are not installed are left out.");
ABSL_FLAG(bool, newline, true, "Services report themselves ready.");

namespace espalier {
namespace {

std::vector<std::string> FloorCommand(const BenchSetup& setup) {
  return {std::filesystem::absolute("tests/bench/floor"),
          absl::StrCat(setup.services),
          std::filesystem::absolute("tests/bench/breath"), setup.ledger};
}

std::vector<std::string> EspalierCommand(const BenchSetup& setup) {
  return {std::filesystem::absolute("tests/bench/bench_environment"),
          absl::StrCat("--services=", setup.services),
          absl::StrCat("--more=", setup.more),
          absl::StrCat("--ledger=", setup.ledger),
          absl::StrCat("--delays=", setup.delays),
          absl::StrCat("--newline=", absl::GetFlag(FLAGS_newline)),
          absl::StrCat("--data_dir=", setup.directory, "/data")};
}

// A directory that is there as long as this is.
class Workplace {
 public:
  Workplace() {
    path_ = absl::GetFlag(FLAGS_directory) + "/espalier-bench-XXXXXX";
    PCHECK(mkdtemp(path_.data()) != nullptr) << path_;
    // Services of another user have to get at their files.
    std::filesystem::permissions(path_, std::filesystem::perms(0711));
  }
  ~Workplace() { std::filesystem::remove_all(path_); }

  BenchSetup Setup(uint32_t services) const {
    return {
        .services = services, .ledger = path_ + "/ledger", .directory = path_};
  }

 private:
  std::string path_;
};

// Figures by the name of their row, in milliseconds unless the name says so.
using Figures = std::map<std::string, double>;

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  CHECK(value.ok()) << value.status();
  return *std::move(value);
}

double Ms(absl::StatusOr<absl::Duration> duration) {
  return absl::ToDoubleMilliseconds(OrDie(duration));
}

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1) +
                                    0.5)];
}

// Lets what a death or a start has set in motion come to its end.
void Settle() { absl::SleepFor(absl::Milliseconds(3)); }
constexpr int64_t kLogBytes = int64_t{1} << 30;
// Longer than what a service has to be ready to count as having been so.
void AwaitReadyForLong() { absl::SleepFor(absl::Milliseconds(1500)); }

Figures MeasureMain(const BenchAdapter& adapter) {
  Figures figures;
  Workplace place;
  const auto services = static_cast<uint32_t>(absl::GetFlag(FLAGS_services));
  Supervised supervised(adapter, place.Setup(services));
  figures["1 start"] = Ms(supervised.AwaitStart());
  AwaitReadyForLong();
  std::vector<double> latencies;
  const auto kills = static_cast<uint32_t>(absl::GetFlag(FLAGS_kills));
  for (uint32_t i = 0; i < std::min(kills, services); ++i) {
    latencies.push_back(Ms(supervised.KillOne(i)));
    Settle();
  }
  figures["2 death to successor, median"] = Quantile(latencies, 0.5);
  figures["3 death to successor, 99th percentile"] = Quantile(latencies, 0.99);
  AwaitReadyForLong();
  figures["5 all killed at once"] = Ms(supervised.KillAll());
  AwaitReadyForLong();
  figures["6 stop"] = Ms(supervised.Stop());
  return figures;
}

// Deaths of what has just started, with no delay configured.
Figures MeasureCrash(const BenchAdapter& adapter) {
  Workplace place;
  const auto services = static_cast<uint32_t>(absl::GetFlag(FLAGS_services));
  BenchSetup setup = place.Setup(services);
  setup.delays = false;
  Supervised supervised(adapter, setup);
  OrDie(supervised.AwaitStart());
  Settle();
  std::vector<double> latencies;
  const auto kills = static_cast<uint32_t>(absl::GetFlag(FLAGS_kills));
  for (uint32_t i = 0; i < std::min(kills, services); ++i) {
    OrDie(supervised.KillOne(i));
    Settle();
    latencies.push_back(Ms(supervised.KillOne(i)));
    Settle();
  }
  OrDie(supervised.Stop());
  return {{"4 death to successor, just started", Quantile(latencies, 0.5)}};
}

double PssKib(const BenchAdapter& adapter, uint32_t services) {
  Workplace place;
  Supervised supervised(adapter, place.Setup(services));
  OrDie(supervised.AwaitStart());
  AwaitReadyForLong();
  const auto bytes = static_cast<double>(supervised.PssBytes());
  OrDie(supervised.Stop());
  return bytes / 1024;
}

Figures MeasureMemory(const BenchAdapter& adapter) {
  const auto services = static_cast<uint32_t>(absl::GetFlag(FLAGS_services));
  const double fixed = PssKib(adapter, 1);
  return {{"7 memory, fixed, KiB", fixed},
          {"8 memory per service, KiB",
           (PssKib(adapter, services) - fixed) / (services - 1)}};
}

Figures MeasureRest(const BenchAdapter& adapter) {
  Workplace place;
  const auto services = static_cast<uint32_t>(absl::GetFlag(FLAGS_services));
  Supervised supervised(adapter, place.Setup(services));
  OrDie(supervised.AwaitStart());
  AwaitReadyForLong();
  const int64_t before = supervised.ContextSwitches();
  absl::SleepFor(absl::GetFlag(FLAGS_rest));
  const int64_t wakeups = supervised.ContextSwitches() - before;
  OrDie(supervised.Stop());
  return {{absl::StrCat("9 wake-ups in ",
                        absl::FormatDuration(absl::GetFlag(FLAGS_rest)),
                        " at rest"),
           static_cast<double>(wakeups)}};
}

// From one service's first breath to the next one's, when each is started as
// soon as the one before is ready.
double OneMore(const BenchAdapter& adapter, uint32_t services) {
  constexpr uint32_t kMore = 200;
  Workplace place;
  BenchSetup setup = place.Setup(services);
  setup.more = kMore;
  Supervised supervised(adapter, setup);
  OrDie(supervised.AwaitStart());
  std::vector<double> steps;
  for (uint32_t i = services + 1; i < services + kMore; ++i) {
    const LedgerFile& ledger = supervised.ledger();
    steps.push_back(static_cast<double>(ledger.slot(i).breath_ns -
                                        ledger.slot(i - 1).breath_ns) /
                    1e6);
  }
  AwaitReadyForLong();
  OrDie(supervised.Stop());
  return Quantile(steps, 0.5);
}

Figures MeasureMany(const BenchAdapter& adapter) {
  return {{"one more at 100", OneMore(adapter, 100)},
          {"one more at 10,000", OneMore(adapter, 10'000)}};
}

// One that prints 1 GiB into its log: the floor's is a plain file.
std::vector<std::string> SpewCommand(const BenchSetup& setup) {
  return {std::filesystem::absolute("tests/bench/spew"), setup.ledger,
          absl::StrCat(kLogBytes)};
}

BenchAdapter EspalierLog(bool strict) {
  return [strict](const BenchSetup& setup) {
    std::vector<std::string> command = EspalierCommand(setup);
    command.push_back(absl::StrCat("--log_bytes=", kLogBytes));
    command.push_back(absl::StrCat("--strict=", strict ? "true" : "false"));
    return command;
  };
}

double LogMibPerSecond(const BenchAdapter& adapter) {
  Workplace place;
  Supervised supervised(adapter, place.Setup(2));
  OrDie(supervised.AwaitStart());
  const LedgerFile& ledger = supervised.ledger();
  const auto taken_ns =
      static_cast<double>(ledger.slot(1).breath_ns - ledger.slot(0).breath_ns);
  OrDie(supervised.Stop());
  return kLogBytes / (1 << 20) / (taken_ns / 1e9);
}

struct Samples {
  std::vector<double> ours, floor, ratios;
};

void Print(const std::string& supervisor,
           const std::map<std::string, Samples>& rows) {
  std::printf("%-42s %10s %10s %7s  %s\n", "row (ms)", "floor",
              supervisor.c_str(), "ratio", "ratios of all pairs");
  for (const auto& [name, samples] : rows) {
    std::string all;
    std::vector<double> sorted = samples.ratios;
    std::sort(sorted.begin(), sorted.end());
    for (double ratio : sorted) absl::StrAppendFormat(&all, " %.2f", ratio);
    std::printf("%-42s %10.3f %10.3f %7.2f %s\n", name.c_str(),
                Quantile(samples.floor, 0.5), Quantile(samples.ours, 0.5),
                Quantile(samples.ratios, 0.5), all.c_str());
  }
  std::fflush(stdout);
}

bool IsWanted(absl::string_view row) {
  const std::vector<std::string> wanted = absl::GetFlag(FLAGS_rows);
  return std::find(wanted.begin(), wanted.end(), row) != wanted.end();
}

// The rows that every supervisor has.
void MeasureSupervisor(const std::string& name, const BenchAdapter& adapter) {
  std::map<std::string, Samples> rows;
  const auto pair = [&](Figures (*measure)(const BenchAdapter&)) {
    const Figures floor = measure(FloorCommand);
    for (const auto& [row, figure] : measure(adapter)) {
      Samples& samples = rows[row];
      samples.floor.push_back(floor.at(row));
      samples.ours.push_back(figure);
      samples.ratios.push_back(figure / floor.at(row));
    }
  };
  for (int i = 0; i < absl::GetFlag(FLAGS_pairs); ++i) {
    std::fprintf(stderr, "%s, pair %d\n", name.c_str(), i + 1);
    if (IsWanted("main")) pair(MeasureMain);
    if (IsWanted("crash")) pair(MeasureCrash);
  }
  if (IsWanted("memory")) pair(MeasureMemory);
  if (IsWanted("rest")) pair(MeasureRest);
  if (!rows.empty()) Print(name, rows);
}

void MeasureOurs() {
  MeasureSupervisor("espalier", EspalierCommand);
  std::map<std::string, Samples> rows;
  const auto log = [&](const std::string& name, bool strict) {
    Samples& samples = rows[name];
    samples.floor.push_back(LogMibPerSecond(SpewCommand));
    samples.ours.push_back(LogMibPerSecond(EspalierLog(strict)));
    samples.ratios.push_back(samples.ours.back() / samples.floor.back());
  };
  for (int i = 0; i < absl::GetFlag(FLAGS_pairs) && IsWanted("log"); ++i) {
    log("log, file mode, MiB/s", false);
    log("log, strict mode, MiB/s", true);
  }
  if (!rows.empty()) Print("espalier", rows);
  if (!IsWanted("many")) return;
  for (const auto& [name, figure] : MeasureMany(EspalierCommand)) {
    std::printf("%-42s %10s %10.3f\n", name.c_str(), "", figure);
  }
}

void Run() {
  const std::vector<std::string> wanted = absl::GetFlag(FLAGS_supervisors);
  const auto is_wanted = [&](absl::string_view name) {
    return std::find(wanted.begin(), wanted.end(), name) != wanted.end();
  };
  if (is_wanted("espalier")) MeasureOurs();
  for (const Peer& peer : Peers()) {
    if (!is_wanted(peer.name)) continue;
    if (FindPeer(peer).empty()) {
      std::printf("%s is left out: %s is missing (apt-get install %s)\n",
                  peer.name.c_str(), peer.program.c_str(),
                  peer.package.c_str());
      continue;
    }
    MeasureSupervisor(peer.name, peer.adapter);
  }
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  google::InitGoogleLogging(argv[0]);
  FLAGS_logtostderr = true;
  // The measured environment's program is a file of this one's.
  setenv("RUNFILES_DIR", std::filesystem::current_path().parent_path().c_str(),
         0);
  espalier::Run();
  return 0;
}
