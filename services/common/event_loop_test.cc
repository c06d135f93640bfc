#include "services/common/event_loop.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace espalier {
namespace {

TEST(EventLoop, RunsWhatOtherThreadsPostInTheirOrder) {
  constexpr int kPosts = 1000;
  EventLoop loop;
  std::vector<int> seen;
  std::thread poster([&] {
    for (int i = 0; i < kPosts; ++i)
      loop.Post([&seen, i] { seen.push_back(i); });
    loop.Quit();
  });
  loop.Run();
  poster.join();
  ASSERT_EQ(seen.size(), kPosts);
  for (int i = 0; i < kPosts; ++i) EXPECT_EQ(seen[i], i);
}

TEST(EventLoop, DestroysWhatItNeverRan) {
  auto token = std::make_shared<int>(0);
  {
    EventLoop loop;
    loop.Post([token] { FAIL(); });
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(EventLoop, ATimerThatIsDestroyedDoesNotFire) {
  EventLoop loop;
  std::optional<EventLoop::Timer> cancelled;
  cancelled.emplace(loop, absl::ZeroDuration(), [] { FAIL(); });
  cancelled.reset();
  EventLoop::Timer last(loop, absl::ZeroDuration(), [&] { loop.Quit(); });
  loop.Run();
}

TEST(EventLoop, ATimerMayReplaceItself) {
  EventLoop loop;
  std::optional<EventLoop::Timer> timer;
  int fired = 0;
  timer.emplace(loop, absl::ZeroDuration(), [&] {
    ++fired;
    timer.emplace(loop, absl::ZeroDuration(), [&] {
      ++fired;
      loop.Quit();
    });
  });
  loop.Run();
  EXPECT_EQ(fired, 2);
}

TEST(EventLoop, WatchesADescriptor) {
  const int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  {
    EventLoop loop;
    loop.OnReadable(fd, [&] {
      uint64_t value = 0;
      EXPECT_EQ(read(fd, &value, sizeof(value)),
                static_cast<ssize_t>(sizeof(value)));
      loop.Quit();
    });
    loop.Run();
  }
  close(fd);
}

}  // namespace
}  // namespace espalier
