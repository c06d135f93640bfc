#ifndef ESPALIER_SUPERVISOR_TESTING_ATTACHED_ENVIRONMENT_H_
#define ESPALIER_SUPERVISOR_TESTING_ATTACHED_ENVIRONMENT_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "supervisor/control/attach.h"
#include "supervisor/testing/environment_under_test.h"

namespace espalier {

// Which running environment a test is to use, instead of starting its own one,
// which is called `name`: what $ESPALIER_TEST_ENVIRONMENT says, the name of an
// environment of this checkout ("two", or "two/instance"). Nothing if that is
// not set, is another name, or the test's handles are no type with
// ESPALIER_HANDLE (`typed`). If it is set, prints which one is used, and why.
std::optional<InstanceSelector> RunningEnvironmentForTest(
    absl::string_view name, bool typed);

// An environment that runs already, and goes on when the test has ended.
class AttachedEnvironment final : public EnvironmentUnderTest {
 public:
  // Errors say what runs instead.
  static absl::StatusOr<std::unique_ptr<AttachedEnvironment>> Find(
      const InstanceSelector& selector);

  template <Handle H>
  absl::StatusOr<H> Handles() {
    return attached_.Get<H>();
  }

  absl::StatusOr<ServiceUnderTest> Find(absl::string_view path) override;
  std::vector<ServiceUnderTest> List() override;
  absl::StatusOr<ServiceUnderTest> WaitFor(
      absl::string_view path, absl::string_view what,
      const std::function<bool(const ServiceUnderTest&)>& wanted) override;
  absl::Status Restart(absl::string_view path) override {
    return attached_.client().Restart(std::string(path));
  }
  absl::Status Reload(absl::string_view path) override {
    return attached_.client().Reload(std::string(path));
  }
  absl::Status Freeze(absl::string_view path, bool frozen) override {
    const std::string service(path);
    return frozen ? attached_.client().Freeze(service)
                  : attached_.client().Thaw(service);
  }
  absl::Status Stop() override { return absl::OkStatus(); }
  absl::Status AwaitEnd() override;
  std::string state_directory() const override {
    return attached_.environment().state_directory;
  }

 private:
  explicit AttachedEnvironment(Attached attached)
      : attached_(std::move(attached)) {}

  Attached attached_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_ATTACHED_ENVIRONMENT_H_
