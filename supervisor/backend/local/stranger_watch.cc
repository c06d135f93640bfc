#include "supervisor/backend/local/stranger_watch.h"

#include <algorithm>
#include <utility>

namespace espalier {
namespace {

constexpr absl::Duration kLongestDelay = absl::Milliseconds(100);

}  // namespace

StrangerWatch::StrangerWatch(Loop& loop, const absl::Status& found, Hooks hooks)
    : loop_(loop), hooks_(std::move(hooks)) {
  LookAgain(found);
}

void StrangerWatch::Look() {
  const absl::Status found = hooks_.check();
  if (!found.ok()) return LookAgain(found);
  // A copy, since it may destroy what it belongs to.
  const std::function<void()> gone = hooks_.gone;
  gone();
}

void StrangerWatch::LookAgain(const absl::Status& found) {
  timer_ = loop_.After(delay_, [this] { Look(); });
  delay_ = std::min(2 * delay_, kLongestDelay);
  if (complaint_ == found.message()) return;
  complaint_ = std::string(found.message());
  hooks_.complained(complaint_);
}

}  // namespace espalier
