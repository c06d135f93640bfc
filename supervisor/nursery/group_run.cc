#include "supervisor/nursery/group_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "glog/logging.h"
#include "supervisor/nursery/all_errors.h"

namespace espalier {
namespace {

// Among the numbers of an engine's random streams, which are those of services.
constexpr uint64_t kGroupStream = uint64_t{1} << 32;

constexpr absl::string_view kClosed = "it was stopped from outside";

bool IsWorthAnotherRun(const absl::Status& error) {
  return !absl::IsInvalidArgument(error) && !absl::IsAlreadyExists(error) &&
         !absl::IsFailedPrecondition(error) && !absl::IsUnimplemented(error);
}

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.1f s",
                         std::max(0.0, absl::ToDoubleSeconds(duration)));
}

absl::Time TimeOf(absl::Duration now) { return absl::UnixEpoch() + now; }

}  // namespace

GroupRun::GroupRun(Loop& loop, Options options, Hooks hooks)
    : loop_(loop), options_(std::move(options)), hooks_(std::move(hooks)) {}

absl::string_view GroupRun::StateName(State state) {
  switch (state) {
    case State::kNew:
      return "NEW";
    case State::kRunning:
      return "RUNNING";
    case State::kUp:
      return "UP";
    case State::kFailing:
      return "FAILING";
    case State::kPausing:
      return "PAUSING";
    case State::kStopping:
      return "STOPPING";
    case State::kEnded:
      return "ENDED";
  }
  return "?";
}

void GroupRun::Become(State state, absl::string_view detail) {
  const State from = std::exchange(state_, state);
  // The last lines of a log, which may follow, are in the log.
  hooks_.moved({.group = options_.path,
                .run = runs_,
                .from = from,
                .to = state,
                .detail = std::string(detail.substr(0, detail.find('\n')))});
}

void GroupRun::Start(Body body, std::function<void(absl::Status)> started) {
  body_ = std::move(body);
  started_ = std::move(started);
  RunBody();
}

void GroupRun::RunBody() {
  ++runs_;
  Become(State::kRunning);
  services_.clear();
  groups_.clear();
  culprit_ = std::nullopt;
  gave_up_ = absl::OkStatus();
  task_.emplace((*body_)());
  task_->promise().Start(this, /*cancelled=*/false).resume();
}

// The frame is still on the stack.
std::coroutine_handle<> GroupRun::Ended(PromiseBase&) {
  hooks_.later([this] { BodyEnded(); });
  return std::noop_coroutine();
}

void GroupRun::BodyEnded() {
  absl::Status status = task_->promise().status();
  task_.reset();
  if (closing_) return End(absl::CancelledError("cancelled"));
  // Why the group gave up says more than that its body was cancelled for it.
  if (!gave_up_.ok()) status = WithAnother(gave_up_, status);
  status.ok() ? Up() : Failed(std::move(status));
}

void GroupRun::Up() {
  Become(State::kUp);
  up_since_ = Loop::Now();
  hooks_.up();
  if (started_) std::exchange(started_, nullptr)(absl::OkStatus());
}

void GroupRun::GaveUp(ServiceId culprit, absl::Status error) {
  if (ended()) return;
  if (!gave_up_.ok()) return AlsoFailed(error);
  culprit_ = culprit;
  gave_up_ = std::move(error);
  if (state_ == State::kRunning) {
    return hooks_.later([this] {
      if (task_) task_->promise().Cancel();
    });
  }
  if (state_ != State::kUp) return;
  Become(State::kFailing, gave_up_.message());
  hooks_.later([this] {
    if (closing_) return End(absl::CancelledError("cancelled"));
    if (Loop::Now() - up_since_ >= options_.restart.ready_for_reset) {
      failures_in_row_ = -1;
    }
    Failed(gave_up_);
  });
}

void GroupRun::AlsoFailed(const absl::Status& error) {
  if (!gave_up_.ok()) gave_up_ = WithAnother(gave_up_, error);
}

void GroupRun::Failed(absl::Status error) {
  const RestartRule& rule = options_.restart;
  if (rule.when == RestartWhen::kNever || !IsWorthAnotherRun(error)) {
    return GiveUp(std::move(error));
  }
  if (window_.ChargeAndCheck(rule, TimeOf(Loop::Now()))) {
    return GiveUp(absl::Status(
        error.code(),
        absl::StrCat("the group '", options_.path,
                     "' could not be kept running: it ", LimitText(rule),
                     ", the last time with: ", error.message())));
  }
  ++failures_in_row_;
  Pause(std::move(error));
}

void GroupRun::Pause(absl::Status error) {
  const absl::Duration pause =
      failures_in_row_ == 0
          ? absl::ZeroDuration()
          : PauseAfter(options_.restart, failures_in_row_,
                       MixBits(options_.seed, kGroupStream, runs_));
  last_error_ = std::move(error);
  run_at_ = Loop::Now() + pause;
  Become(State::kPausing,
         absl::StrCat("failed ", Failures(Loop::Now()), ", next run in ",
                      Seconds(pause), ": ", last_error_.message()));
  LOG(WARNING) << "the group '" << options_.path << "' " << Story(Loop::Now());
  timer_ = loop_.After(pause, [this] { Stop(); });
}

void GroupRun::Stop() {
  timer_ = Loop::Watch();
  Become(State::kStopping);
  hooks_.stop([this] {
    if (closing_) return End(absl::CancelledError("cancelled"));
    RunBody();
  });
}

// Who awaits the group is told only when nothing of it runs any more.
void GroupRun::GiveUp(absl::Status error) {
  if (!started_) {
    Become(State::kEnded, error.message());
    return hooks_.failed(culprit_, std::move(error));
  }
  Become(State::kStopping, error.message());
  hooks_.stop([this, error = std::move(error)] { End(error); });
}

void GroupRun::Close() {
  if (closing_ || ended()) return;
  closing_ = true;
  switch (state_) {
    case State::kRunning:
      // As soon as nobody is in the middle of it.
      hooks_.later([this] {
        if (task_) task_->promise().Cancel();
      });
      break;
    case State::kPausing:
      timer_ = Loop::Watch();
      Become(State::kStopping, kClosed);
      hooks_.later([this] { End(absl::CancelledError("cancelled")); });
      break;
    case State::kUp:
      Become(State::kEnded, kClosed);
      break;
    case State::kFailing:  // ends when that is over
    case State::kStopping:
    case State::kNew:
    case State::kEnded:
      break;
  }
}

void GroupRun::End(absl::Status status) {
  Become(State::kEnded, closing_ ? kClosed : status.message());
  if (started_) std::exchange(started_, nullptr)(std::move(status));
}

std::string GroupRun::Story(absl::Duration now) const {
  if (last_error_.ok()) return "starts";
  const std::string when =
      state_ == State::kPausing
          ? absl::StrCat("is run again in ", Seconds(run_at_ - now))
          : "is being run again";
  return absl::StrCat(when, " (failed ", Failures(now),
                      "): ", last_error_.message());
}

std::string GroupRun::Failures(absl::Duration now) const {
  const RestartRule& rule = options_.restart;
  return absl::StrCat(window_.Count(rule, TimeOf(now)), " of ", rule.max_runs,
                      " times");
}

std::optional<absl::Duration> GroupRun::NextRun() const {
  if (state_ != State::kPausing) return std::nullopt;
  return run_at_;
}

}  // namespace espalier
