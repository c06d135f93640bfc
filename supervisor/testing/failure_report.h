#ifndef ESPALIER_SUPERVISOR_TESTING_FAILURE_REPORT_H_
#define ESPALIER_SUPERVISOR_TESTING_FAILURE_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "supervisor/testing/service_under_test.h"

namespace espalier {

// Whether the test that runs now has failed so far; outside of tests, one of
// the suite, or of the program.
bool HasTestFailed();

// Prints each service, why it is in its state and how its log ends.
void ShowServices(const std::vector<ServiceUnderTest>& services);

// Copies of logs, whose own directory goes when the environment has ended.
class KeptLogs {
 public:
  // Copies the logs of `services` into a directory of their own in
  // $TEST_UNDECLARED_OUTPUTS_DIR, named after the test; does nothing if that is
  // not set. What cannot be copied is printed.
  static KeptLogs Keep(const std::vector<ServiceUnderTest>& services);

  // Prints where they are, if there are any.
  void Announce() const;
  // The same error, where the copies are named instead of the logs.
  absl::Status Name(const absl::Status& error) const;
  // Removes the copies.
  void Remove() const;

 private:
  struct Copy {
    std::string log_file;
    std::string file;
  };

  std::string directory_;
  std::vector<Copy> copies_;
};

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_FAILURE_REPORT_H_
