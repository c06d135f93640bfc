#include "supervisor/backend/local/command_probe.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace espalier {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class CommandProbeTest : public testing::Test {
 protected:
  // Turns the loop until `run` has been spawned.
  void AwaitSpawn(uint64_t run) {
    loop_.RunUntil([&] { return !spawned_.empty() && spawned_.back() == run; });
  }
  void End(uint64_t run, ExitResult result) {
    probe_.Exited(run, result);
    probe_.Drained(run);
  }

  Loop loop_;
  std::vector<uint64_t> spawned_;
  std::vector<uint64_t> killed_;
  std::vector<std::string> complaints_;
  int ready_ = 0;
  std::string words_;
  absl::Status spawn_error_;
  CommandProbe probe_{
      loop_,
      absl::Milliseconds(5),
      {.spawn =
           [this](uint64_t run) {
             spawned_.push_back(run);
             return spawn_error_;
           },
       .kill = [this](uint64_t run) { killed_.push_back(run); },
       .ready = [this] { ++ready_; },
       .complained =
           [this](std::string complaint) { complaints_.push_back(complaint); },
       .last_words = [this] { return words_; }}};
};

TEST_F(CommandProbeTest, IsReadyWhenARunSucceeds) {
  probe_.Watch();
  EXPECT_THAT(spawned_, ElementsAre(1));
  EXPECT_EQ(ready_, 0);
  probe_.Exited(1, ExitResult::Exited(0));
  EXPECT_EQ(ready_, 1);
  probe_.Drained(1);
  probe_.Unwatch();
  EXPECT_THAT(killed_, IsEmpty());
  EXPECT_THAT(complaints_, IsEmpty());
}

TEST_F(CommandProbeTest, RunsAgainAfterAFailureAndSaysWhy) {
  words_ = "no answer";
  probe_.Watch();
  End(1, ExitResult::Exited(2));
  EXPECT_EQ(spawned_.size(), 1u) << "not at once";
  AwaitSpawn(2);
  words_ = "";
  End(2, ExitResult::Signaled(6));
  AwaitSpawn(3);
  End(3, ExitResult::Exited(0));
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(complaints_,
              ElementsAre("exit code 2: no answer", "killed by SIGABRT"));
}

TEST_F(CommandProbeTest, ARunThatCannotBeStartedCountsAsFailed) {
  spawn_error_ = absl::ResourceExhaustedError("no descriptors");
  probe_.Watch();
  spawn_error_ = absl::OkStatus();
  AwaitSpawn(2);
  probe_.DidNotStart(2, "starting: no memory");
  AwaitSpawn(3);
  End(3, ExitResult::Exited(0));
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(complaints_,
              ElementsAre("no descriptors", "starting: no memory"));
}

TEST_F(CommandProbeTest, F43ARunThatHangsIsKilledAndNeverASecondBesideIt) {
  probe_.Watch();
  probe_.Unwatch();
  EXPECT_THAT(killed_, ElementsAre(1));
  probe_.Watch();  // the service runs again; the kill has not been answered yet
  EXPECT_THAT(spawned_, ElementsAre(1));
  // What an earlier run says counts for nothing.
  probe_.Exited(1, ExitResult::Exited(0));
  EXPECT_EQ(ready_, 0);
  EXPECT_THAT(spawned_, ElementsAre(1));
  probe_.Drained(1);
  EXPECT_THAT(spawned_, ElementsAre(1, 2));
  End(2, ExitResult::Exited(0));
  EXPECT_EQ(ready_, 1);
}

TEST_F(CommandProbeTest, F43ARunThatTakesTooLongIsKilledAndFails) {
  probe_.Watch();
  loop_.RunUntil([&] { return !killed_.empty(); });
  EXPECT_THAT(killed_, ElementsAre(1));
  EXPECT_THAT(complaints_, ElementsAre("it took longer than 5ms"));
  EXPECT_THAT(spawned_, ElementsAre(1)) << "it is not gone yet";
  probe_.Exited(1, ExitResult::Exited(0));
  EXPECT_EQ(ready_, 0) << "too late";
  probe_.Drained(1);
  AwaitSpawn(2);
  End(2, ExitResult::Exited(0));
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(killed_, ElementsAre(1));
}

TEST_F(CommandProbeTest, NothingRunsWhenNobodyAsks) {
  probe_.Watch();
  End(1, ExitResult::Exited(1));  // waits for its next run
  probe_.Unwatch();
  bool later = false;
  const Loop::Watch timer =
      loop_.After(absl::Milliseconds(20), [&] { later = true; });
  loop_.RunUntil([&] { return later; });
  EXPECT_THAT(spawned_, ElementsAre(1));
}

}  // namespace
}  // namespace espalier
