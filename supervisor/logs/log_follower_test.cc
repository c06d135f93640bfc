#include "supervisor/logs/log_follower.h"

#include <stdio.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/loop/loop.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LogFollowerTest : public testing::Test {
 protected:
  LogFollowerTest() {
    directory_ = testing::TempDir() + "/follower_XXXXXX";
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    absl::StatusOr<std::unique_ptr<LogFollower>> made = LogFollower::Create(
        &loop_,
        [this](absl::string_view name, absl::string_view line) {
          lines_.push_back(std::string(name) + ": " + std::string(line));
          if (on_line_) on_line_();
        },
        {.max_line_bytes = 1000, .max_bytes_per_turn = 1000});
    EXPECT_EQ(made.status(), absl::OkStatus());
    follower_ = *std::move(made);
  }

  std::string Path(const std::string& name) const {
    return directory_ + "/" + name + ".log";
  }
  void Append(const std::string& name, const std::string& text) {
    std::ofstream(Path(name), std::ios::binary | std::ios::app) << text;
  }
  // Runs the loop until `count` lines were told in all.
  void Await(size_t count) {
    loop_.RunUntil([&] { return lines_.size() >= count; });
  }
  // Runs the loop until it has handled what is there.
  void Settle() {
    bool done = false;
    Loop::Watch later = loop_.After(absl::ZeroDuration(), [&] { done = true; });
    loop_.RunUntil([&] { return done; });
  }

  Loop loop_;
  std::string directory_;
  std::vector<std::string> lines_;
  std::function<void()> on_line_;
  std::unique_ptr<LogFollower> follower_;
};

TEST_F(LogFollowerTest, TellsLinesOfSeveralFilesAsTheyAreWritten) {
  Append("a", "old\n");
  Append("b", "old\n");
  ASSERT_EQ(follower_->Add("a", Path("a"), LogFollower::kFromEnd),
            absl::OkStatus());
  ASSERT_EQ(follower_->Add("b", Path("b"), 0), absl::OkStatus());
  Await(1);
  Append("a", "1\n");
  Await(2);
  Append("b", "2\n3\n");
  Await(4);
  EXPECT_THAT(lines_, ElementsAre("b: old", "a: 1", "b: 2", "b: 3"));
}

TEST_F(LogFollowerTest, NameIsTakenOnce) {
  Append("a", "");
  ASSERT_EQ(follower_->Add("a", Path("a"), 0), absl::OkStatus());
  EXPECT_TRUE(absl::IsAlreadyExists(follower_->Add("a", Path("b"), 0)));
  const absl::Status missing = follower_->Add("c", "/no/such/c.log", 0);
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(missing.message(), HasSubstr("/no/such"));
}

TEST_F(LogFollowerTest, WaitsForAFileToAppear) {
  ASSERT_EQ(follower_->Add("a", Path("a"), LogFollower::kFromEnd),
            absl::OkStatus());
  Settle();
  Append("a", "first\n");
  Await(1);
  Append("a", "second\n");
  Await(2);
  EXPECT_THAT(lines_, ElementsAre("a: first", "a: second"));
}

TEST_F(LogFollowerTest, RotationLosesNothing) {
  Append("a", "");
  ASSERT_EQ(follower_->Add("a", Path("a"), 0), absl::OkStatus());
  for (int i = 0; i < 10; ++i) {
    Append("a", "last of it\n");
    ASSERT_EQ(rename(Path("a").c_str(), Path("old").c_str()), 0);
    Append("a", "first of it\n");
    Await(2 * i + 2);
    EXPECT_EQ(lines_[2 * i], "a: last of it");
    EXPECT_EQ(lines_[2 * i + 1], "a: first of it");
  }
}

TEST_F(LogFollowerTest, TruncationIsNoticed) {
  Append("a", "a long line\n");
  ASSERT_EQ(follower_->Add("a", Path("a"), 0), absl::OkStatus());
  Await(1);
  ASSERT_EQ(truncate(Path("a").c_str(), 0), 0);
  Settle();
  Append("a", "new\n");
  Await(2);
  EXPECT_THAT(lines_, ElementsAre("a: a long line", "a: new"));
}

TEST_F(LogFollowerTest, LargeAmountComesInSeveralTurns) {
  for (int i = 0; i < 1000; ++i) Append("a", "0123456789\n");
  ASSERT_EQ(follower_->Add("a", Path("a"), 0), absl::OkStatus());
  size_t in_this_turn = 0;
  loop_.RunUntil([&] {
    EXPECT_LE(lines_.size() - in_this_turn, 100u);
    in_this_turn = lines_.size();
    return lines_.size() == 1000;
  });
}

TEST_F(LogFollowerTest, PausedReadsNothing) {
  Append("a", "");
  ASSERT_EQ(follower_->Add("a", Path("a"), 0), absl::OkStatus());
  follower_->SetPaused(true);
  Append("a", "1\n");
  Settle();
  EXPECT_THAT(lines_, IsEmpty());
  follower_->SetPaused(false);
  Await(1);
}

TEST_F(LogFollowerTest, RemovedByItsOwnCallbackTellsNoMore) {
  Append("a", "1\n2\n3\n");
  Append("b", "");
  ASSERT_EQ(follower_->Add("a", Path("a"), 0), absl::OkStatus());
  ASSERT_EQ(follower_->Add("b", Path("b"), 0), absl::OkStatus());
  on_line_ = [this] { follower_->Remove("a"); };
  Await(1);
  Append("a", "4\n");
  Append("b", "5\n");
  Await(2);
  EXPECT_THAT(lines_, ElementsAre("a: 1", "b: 5"));
}

TEST_F(LogFollowerTest, FlushTellsAllThereIs) {
  Append("a", "");
  ASSERT_EQ(follower_->Add("a", Path("a"), 0), absl::OkStatus());
  for (int i = 0; i < 300; ++i) Append("a", "0123456789\n");
  Append("a", "the end, without a newline");
  follower_->Flush();
  EXPECT_EQ(lines_.size(), 301u);
  EXPECT_EQ(lines_.back(), "a: the end, without a newline");
}

TEST_F(LogFollowerTest, DestroyedWithWorkPendingTellsNothing) {
  Append("a", "1\n");
  ASSERT_EQ(follower_->Add("a", Path("a"), 0), absl::OkStatus());
  follower_.reset();
  Settle();
  EXPECT_THAT(lines_, IsEmpty());
}

}  // namespace
}  // namespace espalier
