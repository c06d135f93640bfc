#include "supervisor/readiness/liveness_probe.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace espalier {

LivenessProbe::LivenessProbe(Loop& loop, Options options, Hooks hooks)
    : loop_(loop), options_(options), hooks_(std::move(hooks)) {
  Rest();
}

LivenessProbe::~LivenessProbe() {
  if (asking_) Stop();
}

void LivenessProbe::Rest() {
  timer_ = loop_.After(options_.interval, [this] { Ask(); });
}

void LivenessProbe::Ask() {
  asking_ = true;
  complaint_.clear();
  timer_ = loop_.After(options_.timeout, [this] {
    Stop();
    Rest();
    failed_ = true;
    const std::string late = absl::StrCat(
        "no good answer within ", absl::FormatDuration(options_.timeout));
    hooks_.failed(complaint_.empty() ? late
                                     : absl::StrCat(late, ": ", complaint_));
  });
  hooks_.ask();
}

void LivenessProbe::Stop() {
  asking_ = false;
  hooks_.stop();
}

void LivenessProbe::Answered() {
  if (!asking_) return;
  Stop();
  Rest();
  if (std::exchange(failed_, false)) hooks_.passed();
}

void LivenessProbe::Complained(std::string complaint) {
  if (asking_) complaint_ = std::move(complaint);
}

}  // namespace espalier
