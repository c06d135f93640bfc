#include "supervisor/loop/loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <utility>

#include "glog/logging.h"

namespace espalier {
namespace {

event_base* NewBase() {
  event_config* config = event_config_new();
  // The coarse clock is off by up to 4 ms, which would be most of a restart.
  event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  CHECK(base != nullptr)
      << "libevent offers no way to wait for events on this machine";
  return base;
}

}  // namespace

struct Loop::Watch::State {
  std::function<void()> callback;
  event* registered = nullptr;

  static void Fire(evutil_socket_t, short, void* self) {
    // A copy, since the callback may destroy the watch it belongs to.
    auto callback = static_cast<State*>(self)->callback;
    callback();
  }
};

void Loop::Watch::Deleter::operator()(State* state) const {
  event_free(state->registered);
  delete state;
}

Loop::Loop()
    : base_(NewBase()), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  PCHECK(wake_fd_ >= 0) << "eventfd";
  wake_ = OnReadable(wake_fd_, [this] { RunPosted(); });
}

Loop::~Loop() {
  wake_ = Watch();
  close(wake_fd_);
  event_base_free(base_);
}

Loop::Watch Loop::Add(int fd, short what, std::function<void()> callback,
                      const absl::Duration* delay) {
  Watch watch;
  watch.state_.reset(new Watch::State{.callback = std::move(callback)});
  watch.state_->registered =
      event_new(base_, fd, what, &Watch::State::Fire, watch.state_.get());
  CHECK(watch.state_->registered != nullptr) << "out of memory";
  timeval timeout;
  if (delay != nullptr)
    timeout = absl::ToTimeval(std::max(*delay, absl::ZeroDuration()));
  CHECK_EQ(event_add(watch.state_->registered,
                     delay != nullptr ? &timeout : nullptr),
           0)
      << "cannot watch descriptor or signal " << fd;
  return watch;
}

Loop::Watch Loop::OnReadable(int fd, std::function<void()> callback) {
  return Add(fd, EV_READ | EV_PERSIST, std::move(callback), nullptr);
}

Loop::Watch Loop::OnWritable(int fd, std::function<void()> callback) {
  return Add(fd, EV_WRITE | EV_PERSIST, std::move(callback), nullptr);
}

Loop::Watch Loop::After(absl::Duration delay, std::function<void()> callback) {
  return Add(-1, 0, std::move(callback), &delay);
}

Loop::Watch Loop::OnSignal(int signal, std::function<void()> callback) {
  return Add(signal, EV_SIGNAL | EV_PERSIST, std::move(callback), nullptr);
}

void Loop::Post(std::function<void()> task) {
  {
    absl::MutexLock lock(&mutex_);
    posted_.push_back(std::move(task));
    // The first one's wake-up is pending, and takes all.
    if (posted_.size() > 1) return;
  }
  const uint64_t one = 1;
  // Cannot fail in a way that matters: a full counter means that a wake-up is
  // pending already.
  (void)!write(wake_fd_, &one, sizeof one);
}

void Loop::RunPosted() {
  uint64_t count;
  (void)!read(wake_fd_, &count, sizeof count);
  std::vector<std::function<void()>> tasks;
  {
    absl::MutexLock lock(&mutex_);
    tasks.swap(posted_);
  }
  for (auto& task : tasks) task();
}

void Loop::Run() { event_base_dispatch(base_); }

void Loop::Quit() { event_base_loopbreak(base_); }

void Loop::RunUntil(const std::function<bool()>& done) {
  while (!done()) event_base_loop(base_, EVLOOP_ONCE);
}

absl::Duration Loop::Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace espalier
