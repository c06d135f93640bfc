#include "supervisor/engine/restart_window.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

// One round of SplitMix64.
uint64_t Mix(uint64_t bits) {
  bits += 0x9e3779b97f4a7c15;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

}  // namespace

bool RestartWindow::ChargeAndCheck(const RestartRule& rule, absl::Time now) {
  std::erase_if(failures_,
                [&](absl::Time at) { return at <= now - rule.window; });
  failures_.push_back(now);
  const auto limit = static_cast<size_t>(rule.max_runs);
  while (failures_.size() > limit) failures_.erase(failures_.begin());
  return failures_.size() >= limit;
}

int RestartWindow::Count(const RestartRule& rule, absl::Time now) const {
  return static_cast<int>(
      std::count_if(failures_.begin(), failures_.end(),
                    [&](absl::Time at) { return at > now - rule.window; }));
}

std::string LimitText(const RestartRule& rule) {
  return absl::StrCat("failed ", rule.max_runs,
                      rule.max_runs == 1 ? " time" : " times", " within ",
                      absl::FormatDuration(rule.window));
}

absl::Duration PauseAfter(const RestartRule& rule, int failures,
                          uint64_t random) {
  absl::Duration pause = rule.initial_delay;
  for (int i = 1; i < failures && pause < rule.max_delay; ++i) pause *= 2;
  pause = std::min(pause, rule.max_delay);
  // 53 bits make a fraction in [0, 1); it becomes one in [-1, 1).
  const double fraction = static_cast<double>(random >> 11) * 0x1p-52 - 1.0;
  return pause * (1.0 + rule.jitter * fraction);
}

uint64_t MixBits(uint64_t seed, uint64_t stream, uint64_t index) {
  return Mix(Mix(Mix(seed) ^ stream) ^ index);
}

}  // namespace espalier
