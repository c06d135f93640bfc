// What the sidecar costs when services start: one write for a batch of them.
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "benchmark/benchmark.h"
#include "glog/logging.h"
#include "supervisor/logs/sidecar/generation_log.h"

namespace espalier {
namespace {

void BM_RunsBegin(benchmark::State& state) {
  std::string directory = "/tmp/generations-XXXXXX";
  PCHECK(mkdtemp(directory.data()) != nullptr);
  absl::StatusOr<GenerationLog> log =
      GenerationLog::Open(directory + "/generations");
  CHECK(log.ok()) << log.status();
  const std::string path = directory + "/breath-123.log";
  uint64_t generation = 0;
  for (auto _ : state) {
    for (int64_t i = 0; i < state.range(0); ++i) {
      log->Add(path, ++generation, 4711, absl::Now());
    }
    CHECK(log->Flush().ok());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  std::filesystem::remove_all(directory);
}
BENCHMARK(BM_RunsBegin)->Arg(1)->Arg(32);

}  // namespace
}  // namespace espalier
