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
  limit_timer_ = Loop::Watch();
  if (!running_ || stale_) return;
  stale_ = true;
  if (!overdue_) hooks_.kill(run_);
}

void CommandProbe::Run() {
  timer_ = Loop::Watch();
  ++run_;
  const absl::Status spawned = hooks_.spawn(run_);
  if (!spawned.ok()) return Failed(spawned.message());
  running_ = true;
  overdue_ = false;
  limit_timer_ = loop_.After(limit_, [this] { Overdue(); });
}

void CommandProbe::Overdue() {
  limit_timer_ = Loop::Watch();
  overdue_ = true;
  hooks_.complained(
      absl::StrCat("it took longer than ", absl::FormatDuration(limit_)));
  hooks_.kill(run_);
}

void CommandProbe::RunAgainLater() {
  timer_ = loop_.After(delay_, [this] { Run(); });
  delay_ = std::min(2 * delay_, kLastDelay);
}

void CommandProbe::Failed(absl::string_view why) {
  hooks_.complained(std::string(why));
  RunAgainLater();
}

void CommandProbe::DidNotStart(uint64_t run, absl::string_view why) {
  if (run != run_ || !running_) return;
  running_ = false;
  limit_timer_ = Loop::Watch();
  const bool stale = std::exchange(stale_, false);
  if (!wanted_) return;
  if (stale) return Run();
  Failed(why);
}

void CommandProbe::Exited(uint64_t run, const ExitResult& result) {
  if (run != run_ || !wanted_ || stale_ || overdue_) return;
  limit_timer_ = Loop::Watch();
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
  limit_timer_ = Loop::Watch();
  const bool stale = std::exchange(stale_, false);
  if (!wanted_) return;
  if (stale) return Run();
  RunAgainLater();
}

}  // namespace espalier
