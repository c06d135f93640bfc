#include "supervisor/backend/local/command_probe.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

constexpr absl::Duration kFirstDelay = absl::Milliseconds(1);
constexpr absl::Duration kLastDelay = absl::Milliseconds(100);

}  // namespace

void CommandProbe::Watch() {
  wanted_ = true;
  delay_ = kFirstDelay;
  if (!running_) Run();
}

void CommandProbe::Unwatch() {
  wanted_ = false;
  timer_ = Loop::Watch();
  if (!running_ || stale_) return;
  stale_ = true;
  hooks_.kill(run_);
}

void CommandProbe::Run() {
  timer_ = Loop::Watch();
  ++run_;
  const absl::Status spawned = hooks_.spawn(run_);
  if (!spawned.ok()) return Failed(spawned.message());
  running_ = true;
}

void CommandProbe::Failed(absl::string_view why) {
  hooks_.complained(std::string(why));
  timer_ = loop_.After(delay_, [this] { Run(); });
  delay_ = std::min(2 * delay_, kLastDelay);
}

void CommandProbe::DidNotStart(uint64_t run, absl::string_view why) {
  if (run != run_ || !running_) return;
  running_ = false;
  const bool stale = std::exchange(stale_, false);
  if (!wanted_) return;
  if (stale) return Run();
  Failed(why);
}

void CommandProbe::Exited(uint64_t run, const ExitResult& result) {
  if (run != run_ || !wanted_ || stale_) return;
  if (result.success()) {
    // What it may have left running ends as if it were of no interest any more.
    wanted_ = false;
    return hooks_.ready();
  }
  const std::string words = hooks_.last_words();
  hooks_.complained(
      absl::StrCat(result.ToString(), words.empty() ? "" : ": ", words));
}

void CommandProbe::Drained(uint64_t run) {
  if (run != run_ || !running_) return;
  running_ = false;
  const bool stale = std::exchange(stale_, false);
  if (!wanted_) return;
  if (stale) return Run();
  timer_ = loop_.After(delay_, [this] { Run(); });
  delay_ = std::min(2 * delay_, kLastDelay);
}

}  // namespace espalier
