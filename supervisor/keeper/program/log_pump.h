// LogPump: the thread that moves the output of services in strict mode.
//
// A thread of its own, since a disk may block for long and nothing else of the
// keeper may wait for it. It starts with the first such service, never spawns
// (a child would die with the thread that made it), and sleeps in epoll_wait.
#ifndef SUPERVISOR_KEEPER_PROGRAM_LOG_PUMP_H_
#define SUPERVISOR_KEEPER_PROGRAM_LOG_PUMP_H_

#include <pthread.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "supervisor/keeper/owned_fd.h"
#include "supervisor/keeper/program/strict_log.h"

namespace espalier::keeper {

// What came of a log.
struct LogNews {
  uint32_t id = 0;
  uint64_t generation = 0;
  // Its pipe is empty and closed; after that nothing more is told of it.
  bool finished = false;
  int error = 0;
  uint64_t lost_bytes = 0;
  uint64_t lost_lines = 0;
};

// All but the thread's own part is called by the loop's thread.
class LogPump {
 public:
  LogPump() = default;
  LogPump(const LogPump&) = delete;
  LogPump& operator=(const LogPump&) = delete;

  static constexpr uint64_t kFinishWithinNs = 500'000'000;

  // False if there is no thread to be had; errno is set.
  bool Start();
  bool started() const { return started_; }

  // Readable when there is news.
  int fd() const { return news_event_.get(); }
  std::vector<LogNews> TakeNews();

  void Add(uint32_t id, uint64_t generation, StrictLog log);
  // Nobody writes any more: what is in the pipe is the last of it. What cannot
  // be written within kFinishWithinNs is lost, and counted.
  void Finish(uint32_t id);
  // The same for all, and waits for it.
  void FinishAll();

 private:
  struct Entry {
    Entry(uint64_t of_generation, StrictLog its_log)
        : generation(of_generation), log(std::move(its_log)) {}
    uint64_t generation;
    StrictLog log;
    bool watched = false;
    // Losses or errors that are being told of.
    bool in_trouble = false;
    // 0: not now.
    uint64_t retry_at_ns = 0;
    uint64_t pause_ns = 0;
    uint64_t finish_by_ns = 0;
  };
  struct Order {
    uint32_t id = 0;
    // Null: finish it.
    std::unique_ptr<Entry> entry;
  };

  static void* RunThread(void* self);
  [[noreturn]] void Run();
  void TakeOrders();
  void Pump(uint32_t id);
  // What is left of it is given up.
  void End(uint32_t id);
  // Whether it ended.
  bool MoveOn(Entry& entry);
  void Watch(uint32_t id, Entry& entry, bool wanted);
  void RetryDue();
  int TimeoutMs() const;
  void Tell(uint32_t id, const Entry& entry, bool finished);

  OwnedFd epoll_, orders_event_, news_event_;
  bool started_ = false;
  // Both queues, and how many logs have not been finished.
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
  pthread_cond_t none_left_ = PTHREAD_COND_INITIALIZER;
  std::vector<Order> orders_;
  std::vector<LogNews> news_;
  size_t unfinished_ = 0;
  // The thread's own.
  Passage passage_;
  std::unordered_map<uint32_t, std::unique_ptr<Entry>> entries_;
};

}  // namespace espalier::keeper

#endif  // SUPERVISOR_KEEPER_PROGRAM_LOG_PUMP_H_
