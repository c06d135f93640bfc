#ifndef ESPALIER_SUPERVISOR_TESTING_SERVICE_UNDER_TEST_H_
#define ESPALIER_SUPERVISOR_TESTING_SERVICE_UNDER_TEST_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "supervisor/engine/exit_result.h"
#include "supervisor/engine/service_state.h"

namespace espalier {

// What a test can know of a service, at one moment.
struct ServiceUnderTest {
  std::string path = {};  // of names: "links", "shop/links"
  ServiceState state = ServiceState::kInactive;
  uint64_t generation = 0;  // the latest run, counted from 1
  pid_t pid = 0;            // of the main process; 0 if there is none
  std::string log_file = {};
  std::string why = {};  // a sentence: why it is in that state
  // How the latest run that has ended did. Not known of an environment that
  // runs elsewhere.
  std::optional<ExitResult> last_exit = {};
};

// With the reason and the end of the log: what a person wants to see of a
// service that is not as it should be.
std::ostream& operator<<(std::ostream& out, const ServiceUnderTest& service);

// All that the service has logged so far; empty if there is no log.
std::string ReadLog(const ServiceUnderTest& service);

}  // namespace espalier

#endif  // ESPALIER_SUPERVISOR_TESTING_SERVICE_UNDER_TEST_H_
