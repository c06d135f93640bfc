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

bool IsWorthAnotherRun(const absl::Status& error) {
  return !absl::IsInvalidArgument(error) && !absl::IsAlreadyExists(error) &&
         !absl::IsFailedPrecondition(error) && !absl::IsUnimplemented(error);
}

absl::Time TimeOf(absl::Duration now) { return absl::UnixEpoch() + now; }

}  // namespace

GroupRun::GroupRun(Loop& loop, Options options, Hooks hooks)
    : loop_(loop), options_(std::move(options)), hooks_(std::move(hooks)) {}

void GroupRun::Start(Body body, std::function<void(absl::Status)> started) {
  body_ = std::move(body);
  started_ = std::move(started);
  RunBody();
}

void GroupRun::RunBody() {
  state_ = State::kRunning;
  ++runs_;
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
  state_ = State::kUp;
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
  state_ = State::kStopping;
  hooks_.later([this] {
    if (closing_) return End(absl::OkStatus());
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
  Pause(error);
}

void GroupRun::Pause(const absl::Status& error) {
  state_ = State::kPausing;
  const absl::Duration pause =
      failures_in_row_ == 0
          ? absl::ZeroDuration()
          : PauseAfter(options_.restart, failures_in_row_,
                       MixBits(options_.seed, kGroupStream, runs_));
  LOG(WARNING) << "the group '" << options_.path << "' is run again in "
               << pause << ": " << error.message();
  last_error_ = error;
  run_at_ = Loop::Now() + pause;
  timer_ = loop_.After(pause, [this] { Stop(); });
}

void GroupRun::Stop() {
  timer_ = Loop::Watch();
  state_ = State::kStopping;
  hooks_.stop([this] {
    if (closing_) return End(absl::CancelledError("cancelled"));
    RunBody();
  });
}

// Who awaits the group is told only when nothing of it runs any more.
void GroupRun::GiveUp(absl::Status error) {
  if (!started_) {
    state_ = State::kEnded;
    return hooks_.failed(culprit_, std::move(error));
  }
  state_ = State::kStopping;
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
      state_ = State::kStopping;
      hooks_.later([this] { End(absl::CancelledError("cancelled")); });
      break;
    case State::kUp:
      state_ = State::kEnded;
      break;
    case State::kStopping:  // ends when that is over
    case State::kEnded:
      break;
  }
}

void GroupRun::End(absl::Status status) {
  state_ = State::kEnded;
  if (started_) std::exchange(started_, nullptr)(std::move(status));
}

std::string GroupRun::Story(absl::Duration now) const {
  if (last_error_.ok()) return "starts";
  const RestartRule& rule = options_.restart;
  const std::string when =
      state_ == State::kPausing
          ? absl::StrFormat("is run again in %.1f s",
                            std::max(0.0, absl::ToDoubleSeconds(run_at_ - now)))
          : "is being run again";
  return absl::StrCat(when, " (failed ", window_.Count(rule, TimeOf(now)),
                      " of ", rule.max_runs,
                      " times): ", last_error_.message());
}

}  // namespace espalier
