#include "supervisor/environment/progress.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "supervisor/loop/loop.h"

namespace espalier {
namespace {

using Tone = ProgressLine::Tone;

class ProgressTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe2(ends_, O_CLOEXEC), 0); }
  void TearDown() override {
    close(ends_[0]);
    close(ends_[1]);
  }

  // What has been written so far.
  std::string Written() {
    char buffer[65536];
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    const ssize_t got = read(ends_[0], buffer, sizeof buffer);
    return got > 0 ? std::string(buffer, got) : "";
  }

  Loop loop_;
  int ends_[2];
};

TEST_F(ProgressTest, ElsewhereThanOnATerminalEachChangeIsALine) {
  Progress progress(loop_, {.fd = ends_[1]});
  progress.Update("a", {Tone::kBusy, "starting", ""}, Loop::Now());
  progress.Update("a", {Tone::kBusy, "starting", ""}, Loop::Now());
  progress.Print("hello\n", Loop::Now());
  EXPECT_EQ(Written(), "a: starting\nhello\n");
}

TEST_F(ProgressTest, OnATerminalMessagesGoAboveTheBlock) {
  Progress progress(loop_, {.fd = ends_[1], .terminal = true});
  progress.Update("a", {Tone::kGood, "ready", ""}, Loop::Now());
  progress.Finish(Loop::Now());
  EXPECT_NE(Written().find("a  ready"), std::string::npos);

  progress.Update("a", {Tone::kBusy, "stopping", ""}, Loop::Now());
  progress.Print("hello\n", Loop::Now());
  const std::string picture = Written();
  EXPECT_EQ(picture.substr(0, 6), "hello\n");
  EXPECT_NE(picture.find("a  stopping"), std::string::npos);
}

TEST_F(ProgressTest, RedrawsByItselfWhileSomethingIsBusy) {
  Progress progress(loop_, {.fd = ends_[1], .terminal = true});
  progress.Update("a", {Tone::kBusy, "starting", ""}, Loop::Now());
  std::string picture;
  Loop::Watch watch = loop_.OnReadable(ends_[0], [&] { picture += Written(); });
  loop_.RunUntil([&] { return picture.find("0.1 s") != std::string::npos; });
}

TEST_F(ProgressTest, AReaderThatStopsReadingDoesNotBlockIt) {
  Progress progress(loop_, {.fd = ends_[1]});
  const std::string text(10'000, 'x');
  for (int i = 0; i < 200; ++i) progress.Print(text + "\n", Loop::Now());
  // More than a pipe takes: the rest is kept, or dropped beyond its limit.
  size_t read = 0;
  Loop::Watch watch =
      loop_.OnReadable(ends_[0], [&] { read += Written().size(); });
  loop_.RunUntil([&] { return read >= 1'000'000; });
}

TEST_F(ProgressTest, TheEndWaitsForAReaderButNotForEver) {
  ProgressOutput output(loop_, ends_[1]);
  output.Write(std::string(1'000'000, 'x'));
  output.FlushWithin(absl::Milliseconds(1));
  EXPECT_FALSE(output.idle());
  size_t read = 0;
  std::thread reader([&] {
    while (read < 1'000'000) read += Written().size();
  });
  output.FlushWithin(absl::InfiniteDuration());
  EXPECT_TRUE(output.idle());
  reader.join();
}

}  // namespace
}  // namespace espalier
