#include "supervisor/loop/loop.h"

#include <signal.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace espalier {
namespace {

TEST(LoopTest, RunsPostedTasksInOrderFromOtherThreads) {
  Loop loop;
  std::vector<int> seen;
  std::thread poster([&] {
    for (int i = 0; i < 100; ++i) loop.Post([&seen, i] { seen.push_back(i); });
    loop.Post([&] { loop.Quit(); });
  });
  loop.Run();
  poster.join();
  ASSERT_EQ(seen.size(), 100u);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(seen[i], i);
}

TEST(LoopTest, FiresTimersInOrderOfTheirDelay) {
  Loop loop;
  std::vector<int> seen;
  Loop::Watch late, early;
  // In one callback both are counted from the same time.
  loop.Post([&] {
    late = loop.After(absl::Milliseconds(2), [&] {
      seen.push_back(2);
      loop.Quit();
    });
    early = loop.After(-absl::Seconds(1), [&] { seen.push_back(1); });
  });
  loop.Run();
  EXPECT_EQ(seen, (std::vector<int>{1, 2}));
}

TEST(LoopTest, ADestroyedWatchNeverFires) {
  Loop loop;
  bool fired = false;
  {
    Loop::Watch dropped =
        loop.After(absl::ZeroDuration(), [&] { fired = true; });
  }
  Loop::Watch end = loop.After(absl::Milliseconds(1), [&] { loop.Quit(); });
  loop.Run();
  EXPECT_FALSE(fired);
}

TEST(LoopTest, AWatchMayDestroyItselfInItsCallback) {
  Loop loop;
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  ASSERT_EQ(write(pipe_fds[1], "x", 1), 1);
  int calls = 0;
  Loop::Watch watch;
  watch = loop.OnReadable(pipe_fds[0], [&] {
    ++calls;
    watch = Loop::Watch();
  });
  loop.RunUntil([&] { return calls == 1; });
  Loop::Watch end = loop.After(absl::Milliseconds(1), [&] { loop.Quit(); });
  loop.Run();
  EXPECT_EQ(calls, 1);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST(LoopTest, ReportsSignals) {
  Loop loop;
  int signals = 0;
  Loop::Watch watch = loop.OnSignal(SIGUSR1, [&] { ++signals; });
  ASSERT_EQ(raise(SIGUSR1), 0);
  loop.RunUntil([&] { return signals == 1; });
}

}  // namespace
}  // namespace espalier
