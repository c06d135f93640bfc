#include "supervisor/keeper/program/log_pump.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <utility>

namespace espalier::keeper {
namespace {

constexpr uint32_t kOrders = UINT32_MAX;
constexpr int kEventsPerTurn = 64;
constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kFirstPauseNs = 10 * kMs;
constexpr uint64_t kLongestPauseNs = 1000 * kMs;
constexpr size_t kStackBytes = 128 << 10;

uint64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 * kMs +
         static_cast<uint64_t>(now.tv_nsec);
}

class Locked {
 public:
  explicit Locked(pthread_mutex_t* mutex) : mutex_(mutex) {
    pthread_mutex_lock(mutex_);
  }
  ~Locked() { pthread_mutex_unlock(mutex_); }

 private:
  pthread_mutex_t* const mutex_;
};

}  // namespace

bool LogPump::Start() {
  if (started_) return true;
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  orders_event_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  news_event_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = kOrders;
  if (!epoll_ || !news_event_ ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, orders_event_.get(), &event) !=
          0) {
    return false;
  }
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, RunThread, this);
  pthread_attr_destroy(&attributes);
  if (error == 0) pthread_detach(thread);
  errno = error;
  started_ = error == 0;
  return started_;
}

std::vector<LogNews> LogPump::TakeNews() {
  eventfd_t count;
  eventfd_read(news_event_.get(), &count);
  const Locked lock(&mutex_);
  return std::exchange(news_, {});
}

void LogPump::Add(uint32_t id, uint64_t generation, StrictLog log) {
  {
    const Locked lock(&mutex_);
    ++unfinished_;
    orders_.push_back(
        {.id = id,
         .entry = std::make_unique<Entry>(generation, std::move(log))});
  }
  eventfd_write(orders_event_.get(), 1);
}

void LogPump::Finish(uint32_t id) {
  {
    const Locked lock(&mutex_);
    orders_.push_back({.id = id, .entry = nullptr});
  }
  eventfd_write(orders_event_.get(), 1);
}

void LogPump::FinishAll() {
  if (!started_) return;
  Finish(kOrders);
  timespec deadline;
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += 1;
  const Locked lock(&mutex_);
  while (unfinished_ > 0 &&
         pthread_cond_clockwait(&none_left_, &mutex_, CLOCK_MONOTONIC,
                                &deadline) == 0) {
  }
}

void* LogPump::RunThread(void* self) { static_cast<LogPump*>(self)->Run(); }

void LogPump::Run() {
  epoll_event events[kEventsPerTurn];
  while (true) {
    const int n = epoll_wait(epoll_.get(), events, kEventsPerTurn, TimeoutMs());
    for (int i = 0; i < n; ++i) {
      if (events[i].data.u32 != kOrders) Pump(events[i].data.u32);
    }
    TakeOrders();
    RetryDue();
  }
}

void LogPump::TakeOrders() {
  eventfd_t count;
  if (eventfd_read(orders_event_.get(), &count) != 0) return;
  std::vector<Order> orders;
  {
    const Locked lock(&mutex_);
    orders.swap(orders_);
  }
  const uint64_t finish_by_ns = NowNs() + kFinishWithinNs;
  for (Order& order : orders) {
    if (order.entry != nullptr) {
      // Its last run was not waited for.
      if (entries_.contains(order.id)) End(order.id);
      entries_[order.id] = std::move(order.entry);
      Pump(order.id);
      continue;
    }
    std::vector<uint32_t> ids;
    for (auto& [id, entry] : entries_) {
      if (order.id != id && order.id != kOrders) continue;
      entry->finish_by_ns = finish_by_ns;
      ids.push_back(id);
    }
    for (uint32_t id : ids) Pump(id);
  }
}

void LogPump::Pump(uint32_t id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = *found->second;
  const bool ended = MoveOn(entry);
  const bool trouble = entry.log.error() != 0;
  if (trouble && !std::exchange(entry.in_trouble, trouble)) {
    Tell(id, entry, false);
  }
  entry.in_trouble = trouble;
  if (!ended) return Watch(id, entry, entry.retry_at_ns == 0);
  End(id);
}

void LogPump::End(uint32_t id) {
  const auto found = entries_.find(id);
  Watch(id, *found->second, false);
  Tell(id, *found->second, true);
  entries_.erase(found);
  const Locked lock(&mutex_);
  if (--unfinished_ == 0) pthread_cond_signal(&none_left_);
}

bool LogPump::MoveOn(Entry& entry) {
  entry.retry_at_ns = 0;
  while (true) {
    const StrictLog::Progress progress = entry.log.Pump(passage_);
    const bool finishing = entry.finish_by_ns != 0;
    switch (progress) {
      case StrictLog::Progress::kEnded:
        return true;
      case StrictLog::Progress::kEmpty:
        entry.pause_ns = 0;
        return finishing;
      case StrictLog::Progress::kMore:
        entry.pause_ns = 0;
        if (!finishing) return false;
        // Somebody who got away from the service's tree still writes.
        if (NowNs() >= entry.finish_by_ns) return true;
        break;
      case StrictLog::Progress::kBlocked:
        if (finishing && NowNs() >= entry.finish_by_ns) {
          while (entry.log.Discard() == StrictLog::Progress::kMore) {
          }
          return true;
        }
        entry.pause_ns =
            std::clamp(2 * entry.pause_ns, kFirstPauseNs, kLongestPauseNs);
        entry.retry_at_ns = NowNs() + entry.pause_ns;
        if (finishing) {
          entry.retry_at_ns = std::min(entry.retry_at_ns, entry.finish_by_ns);
        }
        return false;
    }
  }
}

// A blocked pipe is readable all the time, so it is not watched.
void LogPump::Watch(uint32_t id, Entry& entry, bool wanted) {
  if (std::exchange(entry.watched, wanted) == wanted) return;
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u32 = id;
  epoll_ctl(epoll_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
            entry.log.pipe(), &event);
}

void LogPump::RetryDue() {
  const uint64_t now = NowNs();
  std::vector<uint32_t> due;
  for (const auto& [id, entry] : entries_) {
    if (entry->retry_at_ns != 0 && entry->retry_at_ns <= now) due.push_back(id);
  }
  for (uint32_t id : due) Pump(id);
}

int LogPump::TimeoutMs() const {
  uint64_t earliest = UINT64_MAX;
  for (const auto& [id, entry] : entries_) {
    if (entry->retry_at_ns != 0) {
      earliest = std::min(earliest, entry->retry_at_ns);
    }
  }
  if (earliest == UINT64_MAX) return -1;
  const uint64_t now = NowNs();
  return earliest <= now ? 0 : static_cast<int>((earliest - now) / kMs + 1);
}

void LogPump::Tell(uint32_t id, const Entry& entry, bool finished) {
  {
    const Locked lock(&mutex_);
    news_.push_back({.id = id,
                     .generation = entry.generation,
                     .finished = finished,
                     .error = entry.log.error(),
                     .lost_bytes = entry.log.lost_bytes(),
                     .lost_lines = entry.log.lost_lines()});
  }
  eventfd_write(news_event_.get(), 1);
}

}  // namespace espalier::keeper
