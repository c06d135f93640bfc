#ifndef ESPALIER_SUPERVISOR_TESTING_FRESH_ENVIRONMENT_H_
#define ESPALIER_SUPERVISOR_TESTING_FRESH_ENVIRONMENT_H_

#include <memory>
#include <string>
#include <vector>

#include "supervisor/nursery/nursery.h"
#include "supervisor/task/task.h"
#include "supervisor/task/task_function.h"
#include "supervisor/testing/environment_under_test.h"
#include "supervisor/testing/test_environment_options.h"

namespace espalier {

// An environment that this test has started, with its loop on a thread of its
// own. Its destructor stops everything, waits until nothing is left, and
// removes its directories.
class FreshEnvironment final : public EnvironmentUnderTest {
 public:
  // Blocks until everything is ready, or the environment has ended: then why,
  // and its services are shown and their logs kept. DeadlineExceeded at
  // TestDeadline().
  static absl::StatusOr<std::unique_ptr<FreshEnvironment>> Start(
      absl::string_view name, TaskFunction<Task<void>(Nursery&)> body,
      TestEnvironmentOptions options);
  ~FreshEnvironment() override;

  absl::StatusOr<ServiceUnderTest> Find(absl::string_view path) override;
  std::vector<ServiceUnderTest> List() override;
  absl::StatusOr<ServiceUnderTest> WaitFor(
      absl::string_view path, absl::string_view what,
      const std::function<bool(const ServiceUnderTest&)>& wanted) override;
  absl::Status Restart(absl::string_view path) override;
  absl::Status Reload(absl::string_view path) override;
  // Once it is frozen, returns when everything stands still.
  absl::Status Freeze(absl::string_view path, bool frozen) override;
  // What has not ended by StopDeadline() is killed: then DeadlineExceeded.
  absl::Status Stop() override;
  absl::Status AwaitEnd() override;
  std::string state_directory() const override;
  pid_t keeper_pid() const override;
  pid_t guard_pid() const override;

 private:
  class Impl;
  explicit FreshEnvironment(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_FRESH_ENVIRONMENT_H_
