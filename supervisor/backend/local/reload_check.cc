#include "supervisor/backend/local/reload_check.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace espalier {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(30);

}  // namespace

void ReloadCheck::Run(Done done) {
  if (done_) {
    return loop_.Post([done = std::move(done)] {
      done(absl::UnavailableError(
          "another reload is under way; try again when it is done"));
    });
  }
  const absl::Status spawned = hooks_.spawn(++run_);
  if (!spawned.ok()) {
    return loop_.Post([done = std::move(done), spawned] { done(spawned); });
  }
  done_ = std::move(done);
  deadline_ = loop_.After(kLimit, [this] { hooks_.kill(run_); });
}

void ReloadCheck::DidNotStart(uint64_t run, absl::string_view why) {
  if (run == run_ && done_) Finish(absl::InternalError(why));
}

void ReloadCheck::Exited(uint64_t run, const ExitResult& result) {
  if (run != run_) return;
  result_ = absl::OkStatus();
  if (result.success()) return;
  const std::string words = hooks_.last_words();
  result_ = absl::InvalidArgumentError(absl::StrCat(
      "its changed files are refused, and it goes on with the old ones: ",
      words.empty() ? result.ToString() : words));
}

void ReloadCheck::Drained(uint64_t run) {
  if (run == run_ && done_) Finish(result_);
}

void ReloadCheck::Finish(absl::Status status) {
  deadline_ = Loop::Watch();
  const Done done = std::exchange(done_, nullptr);
  done(std::move(status));
}

}  // namespace espalier
