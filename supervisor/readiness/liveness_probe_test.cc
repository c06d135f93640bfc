#include "supervisor/readiness/liveness_probe.h"

#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LivenessProbeTest : public testing::Test {
 protected:
  void Begin(absl::Duration timeout) {
    probe_.emplace(
        loop_,
        LivenessProbe::Options{.interval = absl::Milliseconds(1),
                               .timeout = timeout},
        LivenessProbe::Hooks{
            .ask =
                [this] {
                  ++asked_;
                  if (answers_) loop_.Post([this] { probe_->Answered(); });
                  if (!complaint_.empty()) probe_->Complained(complaint_);
                },
            .stop = [this] { ++stopped_; },
            .failed = [this](std::string why) { failures_.push_back(why); },
            .passed = [this] { ++passed_; }});
    EXPECT_EQ(asked_, 0) << "not at once";
  }

  Loop loop_;
  bool answers_ = false;
  std::string complaint_;
  int asked_ = 0;
  int stopped_ = 0;
  int passed_ = 0;
  std::vector<std::string> failures_;
  std::optional<LivenessProbe> probe_;
};

TEST_F(LivenessProbeTest, ALivingServerIsAskedAgainAndAgain) {
  answers_ = true;
  Begin(absl::InfiniteDuration());
  loop_.RunUntil([&] { return stopped_ == 5; });
  EXPECT_EQ(asked_, 5);
  EXPECT_THAT(failures_, IsEmpty());
  EXPECT_EQ(passed_, 0) << "there is nothing to tell";
}

TEST_F(LivenessProbeTest, EachQuestionWithoutAnAnswerIsAFailure) {
  complaint_ = "connection refused";
  Begin(absl::Milliseconds(1));
  loop_.RunUntil([&] { return failures_.size() == 2; });
  EXPECT_THAT(failures_,
              ElementsAre("no good answer within 1ms: connection refused",
                          "no good answer within 1ms: connection refused"));
  EXPECT_EQ(stopped_, 2);
}

TEST_F(LivenessProbeTest, TheFirstAnswerAfterAFailureIsTold) {
  Begin(absl::Milliseconds(1));
  loop_.RunUntil([&] { return failures_.size() == 2; });
  EXPECT_EQ(failures_[0], "no good answer within 1ms");
  answers_ = true;
  loop_.RunUntil([&] { return passed_ == 1; });
  const int asked = asked_;
  loop_.RunUntil([&] { return asked_ == asked + 5; });
  EXPECT_EQ(passed_, 1);
}

TEST_F(LivenessProbeTest, AnAnswerThatComesTooLateCountsForNothing) {
  Begin(absl::Milliseconds(1));
  loop_.RunUntil([&] { return failures_.size() == 1; });
  probe_->Answered();
  EXPECT_EQ(passed_, 0);
  EXPECT_EQ(stopped_, asked_);
}

TEST_F(LivenessProbeTest, ItsEndEndsTheQuestion) {
  Begin(absl::InfiniteDuration());
  loop_.RunUntil([&] { return asked_ == 1; });
  EXPECT_EQ(stopped_, 0);
  probe_.reset();
  EXPECT_EQ(stopped_, 1);
}

}  // namespace
}  // namespace espalier
