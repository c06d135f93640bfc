#ifndef ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_H_
#define ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/engine/ids.h"
#include "supervisor/engine/service_state.h"
#include "supervisor/nursery/nursery.h"
#include "supervisor/task/task.h"
#include "supervisor/task/task_function.h"

namespace espalier {

struct TestEnvironmentOptions {
  // Services that the test runs itself; see RuntimeOptions::external.
  std::map<std::string, std::string> external = {};
  // Where data, logs and secrets go; by default a new directory that is removed
  // at the end.
  std::string data_dir = {};
  std::string instance = "default";
};

// Runs an environment, or any function that starts services, for a test: with
// real processes, in directories of its own, on a thread of its own, so that
// the test may block. As many as wanted run side by side.
//
// All calls come from the test's thread.
class TestEnvironmentBase {
 public:
  // Stops everything, waits until nothing is left, and removes its directories.
  // When the test has failed it first prints the end of every log.
  ~TestEnvironmentBase();

  struct Service {
    ServiceState state = ServiceState::kInactive;
    Generation generation = 0;
    pid_t pid = 0;  // of the main process; 0 if there is none
    std::string log_file;
  };
  // As it is now. The service must have been declared.
  Service Get(absl::string_view path) const;

  // Blocks until `wanted` holds for the service, and gives it as it is then.
  // FailedPrecondition if the environment ends before that. It is asked once
  // now and after every move of the service.
  absl::StatusOr<Service> WaitFor(
      absl::string_view path,
      const std::function<bool(const Service&)>& wanted) const;

  // Sends a signal to the main process of the service, which must be running.
  void Signal(absl::string_view path, int signal) const;

  // Kills the main process and blocks until a new one is ready.
  absl::StatusOr<Service> KillAndAwaitRestart(absl::string_view path) const;

  // Stops the environment in reverse order, and gives why it ended: OK if it
  // did because of this.
  absl::Status Stop();

  // Blocks until the environment has ended by itself, and gives why.
  absl::Status AwaitEnd();

  const std::string& state_directory() const;
  pid_t keeper_pid() const;
  pid_t guard_pid() const;

 protected:
  TestEnvironmentBase();
  // Blocks until everything is ready, or the environment has ended: then why.
  absl::Status Start(absl::string_view name,
                     TaskFunction<Task<void>(Nursery&)> body,
                     TestEnvironmentOptions options);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// `Handles` is what the environment's function gives:
//
//   auto two = TestEnvironment<TwoSite>::Start("two", [](Nursery& n) { return
//   Two(n, {}); }); ASSERT_TRUE(two.ok()) << two.status();
//   HttpGet(Resolve((*two)->handles().gateway.url) + "/status");
template <typename Handles>
class TestEnvironment final : public TestEnvironmentBase {
 public:
  // Blocks until everything is ready. What went wrong otherwise is said as a
  // user would be told.
  static absl::StatusOr<std::unique_ptr<TestEnvironment>> Start(
      absl::string_view name, TaskFunction<Task<Handles>(Nursery&)> function,
      TestEnvironmentOptions options = {}) {
    auto environment = std::unique_ptr<TestEnvironment>(new TestEnvironment());
    absl::Status status = environment->TestEnvironmentBase::Start(
        name,
        [function = std::move(function),
         handles = &environment->handles_](Nursery& nursery) -> Task<void> {
          handles->emplace(co_await function(nursery));
        },
        std::move(options));
    if (!status.ok()) return status;
    return environment;
  }

  const Handles& handles() const { return *handles_; }

 private:
  TestEnvironment() = default;
  std::optional<Handles> handles_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_TEST_ENVIRONMENT_H_
