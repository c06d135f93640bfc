#include "supervisor/testing/test_environment.h"

#include <csignal>
#include <sstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "supervisor/testing/failure_report.h"
#include "supervisor/testing/file_watch.h"
#include "supervisor/testing/test_deadline.h"

namespace espalier {
namespace {

// How often a wait for a log looks whether the service still runs.
constexpr absl::Duration kLookAgain = absl::Milliseconds(100);

// Blocks until a later run of the service than `before` is ready, or done.
absl::StatusOr<ServiceUnderTest> AwaitRunAfter(
    EnvironmentUnderTest& environment, const ServiceUnderTest& before) {
  return environment.WaitFor(
      before.path,
      absl::StrCat("`", before.path, "` to be ready in a run after run ",
                   before.generation),
      [&](const ServiceUnderTest& now) {
        return now.generation > before.generation && Satisfies(now.state);
      });
}

}  // namespace

TestEnvironmentBase::~TestEnvironmentBase() {
  if (!HasTestFailed()) return;
  if (!shown_) Show();
  // A service may tell the most while it stops.
  environment_->Stop().IgnoreError();
  KeptLogs::Keep(environment_->List()).Announce();
}

void TestEnvironmentBase::Show() {
  ShowServices(environment_->List());
  shown_ = true;
}

ServiceUnderTest TestEnvironmentBase::Get(absl::string_view path) const {
  absl::StatusOr<ServiceUnderTest> found = environment_->Find(path);
  if (found.ok()) return *std::move(found);
  ADD_FAILURE() << found.status().message();
  return {.path = std::string(path)};
}

absl::StatusOr<ServiceUnderTest> TestEnvironmentBase::WaitFor(
    absl::string_view path,
    const std::function<bool(const ServiceUnderTest&)>& wanted) const {
  return environment_->WaitFor(
      path, absl::StrCat("what the test wants of `", path, "`"), wanted);
}

absl::StatusOr<ServiceUnderTest> TestEnvironmentBase::AwaitLog(
    absl::string_view path,
    const testing::Matcher<const std::string&>& matcher) const {
  absl::StatusOr<ServiceUnderTest> service = environment_->Find(path);
  if (!service.ok()) return service;
  std::ostringstream what;
  what << "the log of `" << path << "`, which is to be one that ";
  matcher.DescribeTo(&what);
  const FileWatch log(service->log_file);
  do {
    // Before the log is read: what has ended has written all.
    service = environment_->Find(path);
    if (!service.ok() || matcher.Matches(ReadLog(*service))) return service;
    if (IsAtRest(service->state)) {
      what << "; " << *service;
      return absl::FailedPreconditionError(
          absl::StrCat("waited in vain for ", what.str()));
    }
    log.AwaitWrite(kLookAgain);
  } while (absl::Now() < TestDeadline());
  return WaitedTooLong(what.str(), *service);
}

bool TestEnvironmentBase::Signal(absl::string_view path, int signal) const {
  const ServiceUnderTest service = Get(path);
  if (service.pid == 0) {
    ADD_FAILURE() << "has no process to send a signal to: " << service;
    return false;
  }
  if (kill(service.pid, signal) == 0) return true;
  ADD_FAILURE() << "cannot send signal " << signal << ": "
                << absl::ErrnoToStatus(errno, "kill")
                << "; Bazel's sandbox hides the processes of an environment "
                   "that runs outside of it, so such a test wants tags = "
                   "[\"no-sandbox\"]: "
                << service;
  return false;
}

void TestEnvironmentBase::Freeze(absl::string_view path) const {
  const absl::Status status = environment_->Freeze(path, true);
  EXPECT_TRUE(status.ok()) << "cannot be frozen: " << status;
}

void TestEnvironmentBase::Thaw(absl::string_view path) const {
  const absl::Status status = environment_->Freeze(path, false);
  EXPECT_TRUE(status.ok()) << "cannot be thawed: " << status;
}

absl::StatusOr<ServiceUnderTest> TestEnvironmentBase::KillAndAwaitRestart(
    absl::string_view path) const {
  const absl::StatusOr<ServiceUnderTest> before = environment_->Find(path);
  if (!before.ok()) return before;
  if (!Signal(path, SIGKILL)) {
    return absl::FailedPreconditionError(
        absl::StrCat("`", path, "` could not be killed"));
  }
  return AwaitRunAfter(*environment_, *before);
}

absl::StatusOr<ServiceUnderTest> TestEnvironmentBase::Restart(
    absl::string_view path) const {
  const absl::StatusOr<ServiceUnderTest> before = environment_->Find(path);
  if (!before.ok()) return before;
  if (absl::Status asked = environment_->Restart(path); !asked.ok())
    return asked;
  return AwaitRunAfter(*environment_, *before);
}

absl::Status TestEnvironmentBase::Stop() { return environment_->Stop(); }
absl::Status TestEnvironmentBase::AwaitEnd() {
  return environment_->AwaitEnd();
}
std::string TestEnvironmentBase::state_directory() const {
  return environment_->state_directory();
}
pid_t TestEnvironmentBase::keeper_pid() const {
  return environment_->keeper_pid();
}
pid_t TestEnvironmentBase::guard_pid() const {
  return environment_->guard_pid();
}

}  // namespace espalier
