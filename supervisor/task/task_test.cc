#include "supervisor/task/task.h"

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "supervisor/task/all.h"

namespace espalier {
namespace {

// A world in which operations complete when the test says so, and which records
// what is stopped.
class World : public Stopper {
 public:
  void StopStarted(std::vector<int> started,
                   std::function<void(absl::Status)> done) override {
    for (auto it = started.rbegin(); it != started.rend(); ++it)
      log.push_back("stop " + std::to_string(*it));
    later.push_back([done = std::move(done)] { done(absl::OkStatus()); });
  }

  // Whoever starts anything uses nothing but "used".
  absl::Status CheckUsed(const std::vector<std::vector<std::string>>& needs,
                         const std::vector<int>&) const override {
    for (const std::vector<std::string>& need : needs) {
      if (need.front() != "used") return absl::InvalidArgumentError(need[0]);
    }
    return absl::OkStatus();
  }

  // Lets everything happen that has been put off.
  void Settle() {
    while (!later.empty()) {
      auto next = std::move(later.front());
      later.pop_front();
      next();
    }
  }

  std::vector<std::string> log;
  std::deque<std::function<void()>> later;
};

// Starts something with a number; it becomes ready, or fails, when Settle()
// gets to it, or when Finish() is called.
class StartOperation final : public Operation {
 public:
  // kYields: hangs, and ends within Cancel().
  enum class How { kWorks, kFails, kHangs, kYields };
  StartOperation(World& world, int id, How how)
      : world_(world), id_(id), how_(how) {}
  int await_resume() const { return id_; }
  void Cancel() override {
    world_.log.push_back("cancel " + std::to_string(id_));
    if (how_ == How::kYields) {
      return Complete(absl::CancelledError("cancelled"));
    }
    world_.later.push_back(
        [this] { Complete(absl::CancelledError("cancelled")); });
  }

 private:
  absl::Status Begin(PromiseBase& task) override {
    world_.log.push_back("start " + std::to_string(id_));
    if (how_ == How::kHangs || how_ == How::kYields) return absl::OkStatus();
    world_.later.push_back([this, &task] {
      if (how_ == How::kFails)
        return Complete(absl::InternalError("no " + std::to_string(id_)));
      task.RecordStarted(&world_, id_);
      Complete(absl::OkStatus());
    });
    return absl::OkStatus();
  }

  World& world_;
  int id_;
  How how_;
};

Task<int> Start(World& world, int id) {
  co_return co_await StartOperation(world, id, StartOperation::How::kWorks);
}
Task<int> Fail(World& world, int id) {
  co_return co_await StartOperation(world, id, StartOperation::How::kFails);
}
Task<int> Hang(World& world, int id) {
  co_return co_await StartOperation(world, id, StartOperation::How::kHangs);
}

Task<int> Yield(World& world, int id) {
  co_return co_await StartOperation(world, id, StartOperation::How::kYields);
}

// Runs a task to its end and keeps what came of it.
template <typename T>
class TaskRun : public Continuation {
 public:
  explicit TaskRun(Task<T> task) : task_(std::move(task)) {
    task_.promise().Start(this, false).resume();
  }
  std::coroutine_handle<> Ended(PromiseBase&) override {
    ended = true;
    return std::noop_coroutine();
  }
  void Cancel() { task_.promise().Cancel(); }
  auto Result() { return task_.promise().TakeResult(); }
  absl::Status status() { return task_.promise().status(); }
  bool ended = false;

 private:
  Task<T> task_;
};

using Log = std::vector<std::string>;

Task<int> Sum(World& world) {
  int a = co_await Start(world, 1);
  int b = co_await Start(world, 2);
  co_return a + b;
}

TEST(TaskTest, GivesTheValue) {
  World world;
  TaskRun run(Sum(world));
  world.Settle();
  ASSERT_TRUE(run.ended);
  EXPECT_EQ(*run.Result(), 3);
  EXPECT_EQ(world.log, (Log{"start 1", "start 2"}));
}

Task<int> FailsThird(World& world, bool* went_on) {
  co_await Start(world, 1);
  co_await Start(world, 2);
  co_await Fail(world, 3);
  *went_on = true;
  co_return 0;
}

TEST(TaskTest, AnErrorEndsTheAwaitingTaskAfterStoppingWhatItStarted) {
  World world;
  bool went_on = false;
  TaskRun run(FailsThird(world, &went_on));
  world.Settle();
  ASSERT_TRUE(run.ended);
  EXPECT_EQ(run.status(), absl::InternalError("no 3"));
  EXPECT_FALSE(went_on);
  EXPECT_EQ(world.log,
            (Log{"start 1", "start 2", "start 3", "stop 2", "stop 1"}));
}

TEST(TaskTest, TryGivesTheErrorAndTheTaskGoesOn) {
  World world;
  bool went_on = false;
  TaskRun run([](World& world, bool* went_on) -> Task<std::string> {
    co_await Start(world, 9);
    absl::StatusOr<int> attempt = co_await Try(FailsThird(world, went_on));
    co_return std::string(attempt.status().message());
  }(world, &went_on));
  world.Settle();
  ASSERT_TRUE(run.ended);
  EXPECT_EQ(*run.Result(), "no 3");
  EXPECT_EQ(world.log, (Log{"start 9", "start 1", "start 2", "start 3",
                            "stop 2", "stop 1"}));
}

TEST(TaskTest, LocalsAreDestroyedOnceWhenATaskFails) {
  World world;
  auto local = std::make_shared<int>(5);
  {
    TaskRun run([](World& world, std::shared_ptr<int> held) -> Task<int> {
      std::shared_ptr<int> copy = held;
      co_await Fail(world, 1);
      co_return *copy;
    }(world, local));
    world.Settle();
    EXPECT_TRUE(run.ended);
  }
  EXPECT_EQ(local.use_count(), 1);
}

TEST(TaskTest, StatusesCanBeAwaitedAndReturned) {
  World world;
  TaskRun good([](World&) -> Task<int> {
    co_await absl::OkStatus();
    co_return co_await absl::StatusOr<int>(7);
  }(world));
  EXPECT_EQ(*good.Result(), 7);
  TaskRun bad([](World&) -> Task<int> {
    co_return absl::NotFoundError("no such thing");
  }(world));
  EXPECT_EQ(bad.status(), absl::NotFoundError("no such thing"));
  TaskRun worse([](World&) -> Task<void> {
    co_await absl::DataLossError("gone");
  }(world));
  EXPECT_EQ(worse.status(), absl::DataLossError("gone"));
}

TEST(TaskTest, CancellingAsksTheOperationAndWaitsForIt) {
  World world;
  TaskRun run([](World& world) -> Task<int> {
    co_await Start(world, 1);
    co_return co_await Hang(world, 2);
  }(world));
  world.Settle();
  EXPECT_FALSE(run.ended);
  run.Cancel();
  EXPECT_FALSE(run.ended)
      << "it must be awaited that the operation has drained";
  world.Settle();
  ASSERT_TRUE(run.ended);
  EXPECT_TRUE(absl::IsCancelled(run.status()));
  EXPECT_EQ(world.log, (Log{"start 1", "start 2", "cancel 2", "stop 1"}));
}

TEST(TaskTest, ACancelledTaskStartsNothingMore) {
  World world;
  TaskRun run([](World& world) -> Task<int> {
    absl::StatusOr<int> attempt = co_await Try(Hang(world, 1));
    co_await Start(world, 2);
    co_return 0;
  }(world));
  run.Cancel();
  world.Settle();
  ASSERT_TRUE(run.ended);
  EXPECT_TRUE(absl::IsCancelled(run.status()));
  EXPECT_EQ(world.log, (Log{"start 1", "cancel 1"}));
}

TEST(AllTest, RunsSideBySideAndGivesAllValues) {
  World world;
  TaskRun run(All(
      Start(world, 1),
      [](World& world) -> Task<void> { co_await Start(world, 2); }(world),
      Start(world, 3)));
  EXPECT_EQ(world.log, (Log{"start 1", "start 2", "start 3"}));
  world.Settle();
  ASSERT_TRUE(run.ended);
  auto [a, nothing, c] = *run.Result();
  EXPECT_EQ(a + c, 4);
}

TEST(AllTest, AFailureCancelsAndAwaitsTheSiblings) {
  World world;
  TaskRun run(All(Start(world, 1), Fail(world, 2), Hang(world, 3)));
  world.Settle();
  ASSERT_TRUE(run.ended);
  EXPECT_EQ(run.status(), absl::InternalError("no 2"));
  EXPECT_EQ(world.log,
            (Log{"start 1", "start 2", "start 3", "cancel 3", "stop 1"}));
}

TEST(AllTest, ReportsEveryError) {
  World world;
  TaskRun run(All(Fail(world, 1), Fail(world, 2)));
  // Both have failed before either could be cancelled.
  auto first = std::move(world.later[0]);
  auto second = std::move(world.later[1]);
  world.later.clear();
  TaskRun other(Start(world, 9));
  first();
  EXPECT_FALSE(run.ended);
  second();
  EXPECT_TRUE(run.ended);
  EXPECT_EQ(run.status(), absl::InternalError("no 1\nand: no 2"));
  world.later.resize(1);
  world.Settle();
}

TEST(AllTest, ASiblingThatFailsAtOnceKeepsTheRestFromStarting) {
  World world;
  TaskRun run(All(
      [](World&) -> Task<int> {
        co_return absl::InternalError("at once");
      }(world),
      Start(world, 2)));
  EXPECT_TRUE(run.ended);
  EXPECT_EQ(world.log, Log{});
}

TEST(AllTest, CancellingCancelsEveryChildOnce) {
  World world;
  TaskRun run(All(Hang(world, 1), Hang(world, 2)));
  run.Cancel();
  run.Cancel();
  world.Settle();
  ASSERT_TRUE(run.ended);
  EXPECT_TRUE(absl::IsCancelled(run.status()));
  EXPECT_EQ(world.log, (Log{"start 1", "start 2", "cancel 2", "cancel 1"}));
}

TEST(AllTest, EndsWhenItsChildrenEndWithinTheirCancel) {
  World world;
  TaskRun all(All(Yield(world, 1), Yield(world, 2)));
  all.Cancel();
  ASSERT_TRUE(all.ended);
  EXPECT_TRUE(absl::IsCancelled(all.status()));
  EXPECT_EQ(world.log, (Log{"start 1", "start 2", "cancel 2", "cancel 1"}));

  TaskRun nested(All(All(Yield(world, 3), Hang(world, 4)), Yield(world, 5)));
  nested.Cancel();
  EXPECT_FALSE(nested.ended) << "one takes its time";
  world.Settle();
  EXPECT_TRUE(nested.ended);

  TaskRun failing(All(Yield(world, 6), Fail(world, 7), Yield(world, 8)));
  world.Settle();
  ASSERT_TRUE(failing.ended);
  EXPECT_EQ(failing.status(), absl::InternalError("no 7"));
}

TEST(AllTest, TakesAVectorAndAnEmptyOne) {
  World world;
  std::vector<Task<int>> tasks;
  for (int i = 0; i < 5; ++i) tasks.push_back(Start(world, i));
  TaskRun run(All(std::move(tasks)));
  world.Settle();
  EXPECT_EQ(*run.Result(), (std::vector<int>{0, 1, 2, 3, 4}));
  TaskRun none(All(std::vector<Task<int>>()));
  EXPECT_TRUE(none.ended);
}

TEST(TaskDeathTest, ATaskInMidFlightMustNotBeDestroyed) {
  World world;
  EXPECT_DEATH({ TaskRun run(Hang(world, 1)); }, "still running");
}

}  // namespace
}  // namespace espalier
