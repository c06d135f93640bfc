// Logs that cannot be opened while the environment runs: supervision goes on.
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/suite/group_world.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;
using enum ServiceState;
using testing::AllOf;
using testing::HasSubstr;

class LogLossTest : public testing::Test {
 protected:
  // One service, which may fail once only.
  void RunOne() {
    world_.Run([this](Nursery& nursery) -> Task<void> {
      co_await world_.StartActor(nursery, "one", {.restart = QuickRestarts(2)});
    });
    ASSERT_TRUE(world_.ready()) << *world_.ended();
    logs_ = fs::path(world_.LogFile("one")).parent_path();
    world_.moves.clear();
  }

  GroupWorld world_{WorldKind::kProcesses};
  fs::path logs_;
};

TEST_F(LogLossTest, F71LogsThatWereRemovedAreMadeAgain) {
  RunOne();
  const fs::perms mode = fs::status(logs_).permissions();
  fs::remove_all(logs_);
  world_.Kill({"one"});
  ASSERT_TRUE(world_.AwaitRun("one", 2)) << *world_.ended();
  EXPECT_TRUE(fs::exists(world_.LogFile("one")));
  EXPECT_TRUE(fs::exists(logs_ / "generations"));
  EXPECT_EQ(fs::status(logs_).permissions(), mode);
}

// A file is where the directory was, which not even root can write below.
TEST_F(LogLossTest, F71ALogThatCannotBeOpenedIsTriedAgainUntilItCan) {
  RunOne();
  fs::remove_all(logs_);
  std::ofstream(logs_) << "in the way";
  world_.Kill({"one"});
  ASSERT_TRUE(world_.AwaitState("one", kBackoff)) << *world_.ended();
  // The first pause is for the death.
  ASSERT_TRUE(world_.AwaitState("one", kSpawning)) << *world_.ended();
  ASSERT_TRUE(world_.AwaitState("one", kBackoff)) << *world_.ended();
  EXPECT_THAT(world_.Explain("one"),
              AllOf(HasSubstr("could not be spawned for now: opening the log "
                              "file"),
                    HasSubstr("one.log"), HasSubstr("Not a directory")));
  fs::remove(logs_);
  ASSERT_TRUE(world_.AwaitState("one", kReady)) << *world_.ended();
  EXPECT_TRUE(fs::exists(world_.LogFile("one")));
}

}  // namespace
}  // namespace espalier
