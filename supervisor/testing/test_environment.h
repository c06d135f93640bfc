#ifndef ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_H_
#define ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_H_

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/task.h"
#include "supervisor/task/task_function.h"
#include "supervisor/testing/attached_environment.h"
#include "supervisor/testing/environment_under_test.h"
#include "supervisor/testing/fresh_environment.h"
#include "supervisor/testing/service_under_test.h"
#include "supervisor/testing/test_environment_options.h"

namespace espalier {

// An environment, or whatever some start functions start, for a test: with real
// processes, in directories of its own, on a thread of its own, so that the
// test may block. As many as wanted run side by side.
//
// All calls come from the test's thread. A call that cannot be answered, such
// as for a service that there is not, returns an error that says what there is,
// or fails the test with it.
//
// What blocks does so until shortly before Bazel would end the test (see
// test_deadline.h): then DeadlineExceeded, with what was waited for. Only what
// is asked of an environment that ran before the test, such as a restart, takes
// as long as that needs to answer.
class TestEnvironmentBase {
 public:
  // Stops everything, waits until nothing is left, and removes its directories.
  // When the test (or, for what ends between tests, one of its suite) has
  // failed, it does what Show() does, unless that was called before, and keeps
  // all logs in $TEST_UNDECLARED_OUTPUTS_DIR.
  ~TestEnvironmentBase();
  TestEnvironmentBase(const TestEnvironmentBase&) = delete;

  using Service = ServiceUnderTest;
  // As it is now. The service must have been declared.
  Service Get(absl::string_view path) const;

  // Blocks until `wanted` holds for the service, and gives it as it is then.
  // NotFound if there is no such service, FailedPrecondition if the environment
  // ends before that. It is asked once now and after every move of the service.
  absl::StatusOr<Service> WaitFor(
      absl::string_view path,
      const std::function<bool(const Service&)>& wanted) const;

  // Blocks until `matcher` holds for all that the service has logged: what
  // comes after a service is ready may take a moment. FailedPrecondition if the
  // service ends for good before that.
  //
  //   ASSERT_TRUE(two->AwaitLog("links", HasSubstr("migrated")).ok());
  absl::StatusOr<Service> AwaitLog(
      absl::string_view path,
      const testing::Matcher<const std::string&>& matcher) const;

  // Sends a signal to the main process of the service, which must be running.
  // False, and the test fails, if that cannot be done.
  bool Signal(absl::string_view path, int signal) const;
  // Stops every process of the service, which must be ready, as it stands, and
  // lets them go on, as `envctl freeze` and `thaw` do: it answers nothing in
  // between, and nobody asks whether it lives. To have it found out, as if it
  // hung by itself, send it a SIGSTOP. Of an environment that ran before the
  // test, some processes may still run for a moment when Freeze() returns.
  void Freeze(absl::string_view path) const;
  void Thaw(absl::string_view path) const;

  // Kills the main process and blocks until a new one is ready.
  absl::StatusOr<Service> KillAndAwaitRestart(absl::string_view path) const;

  // Stops the service as its command says, starts it again, and blocks until
  // it is ready, or a one-shot done: what `envctl restart` does.
  absl::StatusOr<Service> Restart(absl::string_view path) const;

  // Has the service read its changed files without an end, and says whether it
  // was told to; see ReloadRule.
  absl::Status Reload(absl::string_view path) const {
    return environment_->Reload(path);
  }

  // Prints every service, why it is in its state and how its log ends. For what
  // outlives a test that has failed; see EnvironmentTestSuite.
  void Show();

  // Stops the environment in reverse order, and gives why it ended: OK if it
  // did because of this. One that ran before the test goes on.
  absl::Status Stop();

  // Blocks until the environment has ended by itself, and gives why.
  absl::Status AwaitEnd();

  std::string state_directory() const;
  pid_t keeper_pid() const;
  pid_t guard_pid() const;

 protected:
  explicit TestEnvironmentBase(
      std::unique_ptr<EnvironmentUnderTest> environment)
      : environment_(std::move(environment)) {}

 private:
  std::unique_ptr<EnvironmentUnderTest> environment_;
  bool shown_ = false;
};

// `Handles` is what the environment's function gives:
//
//   auto two = TestEnvironment<TwoSite>::Start(
//       "two", [](Nursery& nursery) -> Task<TwoSite> {
//         co_return co_await Two(nursery, {});
//       });
//   ASSERT_TRUE(two.ok()) << two.status();
//   HttpGet(Resolve((*two)->handles().gateway.url) + "/status");
//
// See environment_test.h for one that a whole test or suite shares.
template <typename Handles>
class TestEnvironment final : public TestEnvironmentBase {
 public:
  // Blocks until everything is ready. What went wrong otherwise is said as a
  // user would be told; then the services are shown and their logs kept at
  // once, even if the test expects the error.
  //
  // When ESPALIER_TEST_ENVIRONMENT says so (bazel test
  // --test_env=ESPALIER_TEST_ENVIRONMENT=two), and `Handles` is what the
  // environment of that name gives, the running one is used as it is: then
  // `function` and `options` count for nothing.
  static absl::StatusOr<std::unique_ptr<TestEnvironment>> Start(
      absl::string_view name, TaskFunction<Task<Handles>(Nursery&)> function,
      TestEnvironmentOptions options = {}) {
    const auto running =
        RunningEnvironmentForTest(name, /*typed=*/Handle<Handles>);
    if constexpr (Handle<Handles>) {
      if (running.has_value()) return UseRunning(*running);
    }
    std::optional<Handles> handles;
    auto fresh = FreshEnvironment::Start(
        name,
        [function = std::move(function), &handles](Nursery& nursery)
            -> Task<void> { handles.emplace(co_await function(nursery)); },
        std::move(options));
    if (!fresh.ok()) return fresh.status();
    return std::unique_ptr<TestEnvironment>(
        new TestEnvironment(*std::move(fresh), *std::move(handles)));
  }

  const Handles& handles() const { return handles_; }

 private:
  TestEnvironment(std::unique_ptr<EnvironmentUnderTest> environment,
                  Handles handles)
      : TestEnvironmentBase(std::move(environment)),
        handles_(std::move(handles)) {}

  static absl::StatusOr<std::unique_ptr<TestEnvironment>> UseRunning(
      const InstanceSelector& selector) {
    auto attached = AttachedEnvironment::Find(selector);
    if (!attached.ok()) return attached.status();
    absl::StatusOr<Handles> handles = (*attached)->template Handles<Handles>();
    if (!handles.ok()) return handles.status();
    return std::unique_ptr<TestEnvironment>(
        new TestEnvironment(*std::move(attached), *std::move(handles)));
  }

  Handles handles_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_H_
