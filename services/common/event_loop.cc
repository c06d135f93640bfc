#include "services/common/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace espalier {

struct EventLoop::Watch {
  absl::AnyInvocable<void()> fn;
  UniqueEvent event;
};

EventLoop::Timer::Timer(EventLoop& loop, absl::Duration delay,
                        absl::AnyInvocable<void() &&> fn)
    : fn_(std::move(fn)),
      event_(event_new(
          loop.base(), -1, 0,
          [](evutil_socket_t, short, void* self) {
            // The call may destroy this timer, so nothing of it is used any
            // more once it has begun.
            auto fn = std::move(static_cast<Timer*>(self)->fn_);
            std::move(fn)();
          },
          this)) {
  const timeval after = absl::ToTimeval(delay);
  event_add(event_.get(), &after);
}

EventLoop::EventLoop()
    : base_(event_base_new()),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (base_ == nullptr || wake_fd_ < 0) {
    perror("cannot make an event loop");
    abort();
  }
  wake_event_.reset(
      event_new(base_.get(), wake_fd_, EV_READ | EV_PERSIST, &OnWake, this));
  event_add(wake_event_.get(), nullptr);
}

EventLoop::~EventLoop() {
  wake_event_.reset();
  watches_.clear();
  close(wake_fd_);
}

void EventLoop::Post(absl::AnyInvocable<void() &&> fn) {
  {
    absl::MutexLock lock(&mutex_);
    posted_.push_back(std::move(fn));
  }
  const uint64_t one = 1;
  // It fails only when the counter is full, and then the loop is about to wake
  // up anyway.
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof(one));
}

void EventLoop::OnWake(evutil_socket_t fd, short, void* self) {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t read_bytes = read(fd, &count, sizeof(count));
  std::vector<absl::AnyInvocable<void() &&>> posted;
  auto* loop = static_cast<EventLoop*>(self);
  {
    absl::MutexLock lock(&loop->mutex_);
    posted.swap(loop->posted_);
  }
  for (auto& fn : posted) std::move(fn)();
}

void EventLoop::OnReadable(int fd, absl::AnyInvocable<void()> fn) {
  auto watch = std::make_unique<Watch>();
  watch->fn = std::move(fn);
  watch->event.reset(event_new(
      base_.get(), fd, EV_READ | EV_PERSIST,
      [](evutil_socket_t, short, void* self) {
        static_cast<Watch*>(self)->fn();
      },
      watch.get()));
  event_add(watch->event.get(), nullptr);
  watches_.push_back(std::move(watch));
}

void EventLoop::Run() { event_base_loop(base_.get(), EVLOOP_NO_EXIT_ON_EMPTY); }

void EventLoop::Quit() {
  Post([this] { event_base_loopbreak(base_.get()); });
}

}  // namespace espalier
