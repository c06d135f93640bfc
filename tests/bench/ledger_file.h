#ifndef ESPALIER_TESTS_BENCH_LEDGER_FILE_H_
#define ESPALIER_TESTS_BENCH_LEDGER_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/bench/ledger.h"

namespace espalier {

// The measuring end of a ledger. Not thread-safe.
class LedgerFile {
 public:
  // Makes the file, which any user may write to. Ends the process if it cannot.
  LedgerFile(std::string path, uint32_t services);
  ~LedgerFile();
  LedgerFile(const LedgerFile&) = delete;
  LedgerFile& operator=(const LedgerFile&) = delete;

  const std::string& path() const { return path_; }
  uint32_t services() const { return services_; }
  const LedgerSlot& slot(uint32_t index) const { return ledger_->slots[index]; }

  // From now on, `breaths` more runs are awaited.
  void Expect(uint32_t breaths);
  // Blocks until they have begun. DeadlineExceeded if they have not within
  // `timeout`.
  absl::Status Await(absl::Duration timeout);

  // When the latest of all runs began, on the monotonic clock.
  absl::Duration LatestBreath() const;

 private:
  const std::string path_;
  const uint32_t services_;
  const size_t bytes_;
  Ledger* ledger_;
  uint32_t woken_ = 0;
};

}  // namespace espalier

#endif  // ESPALIER_TESTS_BENCH_LEDGER_FILE_H_
