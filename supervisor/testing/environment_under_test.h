#ifndef ESPALIER_SUPERVISOR_TESTING_ENVIRONMENT_UNDER_TEST_H_
#define ESPALIER_SUPERVISOR_TESTING_ENVIRONMENT_UNDER_TEST_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "supervisor/testing/service_under_test.h"

namespace espalier {

// What TestEnvironment stands on: an environment that the test has started, or
// one that ran before. Called by the test's thread; may block.
class EnvironmentUnderTest {
 public:
  virtual ~EnvironmentUnderTest() = default;

  // NotFoundError if there is none of that path; it says what there is.
  virtual absl::StatusOr<ServiceUnderTest> Find(absl::string_view path) = 0;
  virtual std::vector<ServiceUnderTest> List() = 0;

  // Blocks until `wanted` holds for the service; asked once now and after every
  // move of it. Errors: NotFound; FailedPrecondition if the environment ends
  // before that; DeadlineExceeded at TestDeadline(), where `what` says what was
  // waited for.
  virtual absl::StatusOr<ServiceUnderTest> WaitFor(
      absl::string_view path, absl::string_view what,
      const std::function<bool(const ServiceUnderTest&)>& wanted) = 0;

  // Has the service stopped and started again, also if it did not run. May
  // return before it is ready.
  virtual absl::Status Restart(absl::string_view path) = 0;

  // Has the service read its changed files; see ReloadRule.
  virtual absl::Status Reload(absl::string_view path) = 0;

  // Freezes or thaws all processes of the service; see TestEnvironmentBase.
  virtual absl::Status Freeze(absl::string_view path, bool frozen) = 0;

  // Ends it, if the test has started it, and says how it ended.
  virtual absl::Status Stop() = 0;
  // Blocks until it has ended by itself.
  virtual absl::Status AwaitEnd() = 0;

  virtual std::string state_directory() const = 0;
  // 0 if they are not known.
  virtual pid_t keeper_pid() const { return 0; }
  virtual pid_t guard_pid() const { return 0; }
};

// NotFoundError, with the services that there are.
absl::Status NoSuchService(absl::string_view path,
                           const std::vector<ServiceUnderTest>& services);

// DeadlineExceededError: `what` was waited for, and how the service is instead.
absl::Status WaitedTooLong(absl::string_view what,
                           const ServiceUnderTest& service);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_ENVIRONMENT_UNDER_TEST_H_
