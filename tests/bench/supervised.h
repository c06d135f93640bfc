#ifndef ESPALIER_TESTS_BENCH_SUPERVISED_H_
#define ESPALIER_TESTS_BENCH_SUPERVISED_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/ledger_file.h"

namespace espalier {

// What is asked of a supervisor for one measurement.
struct BenchSetup {
  uint32_t services = 1000;
  uint32_t more = 0;      // started after those, one by one
  bool delays = true;     // a crash loop is slowed down
  std::string ledger;     // path
  std::string directory;  // for whatever files it needs; empty at first
};

// Makes the command line that runs a supervisor in the foreground. It ends,
// with all its services, on SIGTERM.
using BenchAdapter =
    std::function<std::vector<std::string>(const BenchSetup& setup)>;

// A supervisor with its services, running: started when it is made, killed when
// it is destroyed.
class Supervised {
 public:
  Supervised(const BenchAdapter& adapter, BenchSetup setup);
  ~Supervised();
  Supervised(const Supervised&) = delete;
  Supervised& operator=(const Supervised&) = delete;

  LedgerFile& ledger() { return ledger_; }
  // When its process was made, on the monotonic clock.
  absl::Duration began() const { return began_; }

  // Waits until every service has begun to run; how long that took.
  absl::StatusOr<absl::Duration> AwaitStart();
  // Kills one service; how long it took until its successor began to run.
  absl::StatusOr<absl::Duration> KillOne(uint32_t index);
  // Kills all of them; how long it took until all had begun to run again.
  absl::StatusOr<absl::Duration> KillAll();
  // How long it took from SIGTERM until the supervisor was gone.
  absl::StatusOr<absl::Duration> Stop();

  // Of the supervisor's processes, whichever they are, without the services.
  int64_t PssBytes() const;
  int64_t ContextSwitches() const;

 private:
  // An error, with what it printed, if the supervisor ends instead.
  absl::Status AwaitBreaths();
  std::vector<pid_t> OwnProcesses() const;

  const BenchSetup setup_;
  LedgerFile ledger_;
  absl::Duration began_;
  pid_t pid_ = -1;
};

// Now, on the monotonic clock.
absl::Duration MonotonicNow();

}  // namespace espalier

#endif  // ESPALIER_TESTS_BENCH_SUPERVISED_H_
