#include "supervisor/environment/pressure_watch.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::HasSubstr;

TEST(PressureShareTest, ReadsWhatTheKernelWrites) {
  EXPECT_DOUBLE_EQ(
      *PressureShare("some avg10=12.50 avg60=1.30 avg300=0.32 total=2400\n"
                     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"),
      0.125);
  for (const char* other : {"", "full avg10=1.00 ", "some avg10=x total=1"}) {
    EXPECT_FALSE(PressureShare(other).has_value()) << other;
  }
}

TEST(PressureWatchTest, WhereThereIsNoneNothingIsTold) {
  Loop loop;
  const PressureWatch watch(loop, {.directory = "/no/such/directory"},
                            [](double) { FAIL(); });
  EXPECT_THAT(std::string(watch.status().message()),
              HasSubstr("cannot watch /no/such/directory/io"));
}

// More threads that want to run than there are processors.
class Load {
 public:
  Load() {
    const unsigned count = 2 * std::thread::hardware_concurrency() + 1;
    for (unsigned i = 0; i < count; ++i) {
      threads_.emplace_back([this] {
        while (!over_) {
        }
      });
    }
  }
  ~Load() {
    over_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> over_ = false;
  std::vector<std::thread> threads_;
};

TEST(PressureWatchTest, TellsWhenItGetsHighAndWhenItIsOver) {
  Loop loop;
  std::vector<double> told;
  const PressureWatch watch(loop,
                            {.high = 0.01,
                             // Whatever it is, it is lower than that.
                             .low = 1.01,
                             .window = absl::Seconds(2),
                             .interval = absl::Milliseconds(1)},
                            [&](double stalled) { told.push_back(stalled); });
  if (!watch.status().ok()) {
    // An older kernel lets only root watch, another was built without.
    EXPECT_THAT(std::string(watch.status().message()),
                HasSubstr("cannot watch /proc/pressure/"));
    return;
  }
  const Load load;
  loop.RunUntil([&] { return told.size() >= 4; });
  EXPECT_GE(told[0], 0.01) << "it has risen";
  EXPECT_LE(told[1], 1.0) << "and was looked at again, once";
  EXPECT_GE(told[2], 0.01) << "before it has risen again";
}

}  // namespace
}  // namespace espalier
